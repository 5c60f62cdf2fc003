"""What runs when: prediction, variation of the outline, and edits that come in between."""

from __future__ import annotations

import time
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..errors import Cancelled, VirtualBiopsyError
from ..session import Result
from .cards import user_text
from .job import JobRunner
from .questions import Questions
from .study import Inputs, Study


class PredictionFlow:
    """The state of a panel's computations; the panel adds what is seen.

    A prediction is followed by the variation of the outline and then by the questions that need no click. An
    edit while something runs is not lost: what runs is finished or, where nobody waits for it, cancelled, and
    the prediction starts again.

    Attributes
    ----------
    result : the result that is shown, None before the first one. job : what runs.
    """

    questions: Questions
    status: str

    def __init__(self, job: JobRunner, study: Study) -> None:
        self.job = job
        self.study = study
        self.result: Result | None = None
        self._key: Any = None  # inputs of the result
        self._session: Any = None
        self._again = False
        self._varying = False  # the outline is varied without being asked
        self._yielding = False  # a question was cancelled for the sake of an edit

    # What the panel knows

    _settings: Any
    _tag: str

    def inputs(self) -> Inputs:
        raise NotImplementedError

    def refresh(self) -> None:
        raise NotImplementedError

    def _inputs_key(self) -> Any:
        raise NotImplementedError

    def _model_id(self) -> str:
        raise NotImplementedError

    def _keep(self, result: Result) -> None:
        raise NotImplementedError

    def _ask_further(self) -> None:
        raise NotImplementedError

    def _forget_cards(self) -> None:
        raise NotImplementedError

    def _refresh_state(self) -> None:
        raise NotImplementedError

    def _set_status(self, text: str) -> None:
        raise NotImplementedError

    # State

    @property
    def stale(self) -> bool:
        """Whether outline, images or clinical data changed after the shown result."""
        return self.result is not None and self._settings is not None and self._key != self._inputs_key()

    def _up_to_date(self) -> tuple[Result, str] | None:
        """The result and the chosen model, if questions can be asked about them."""
        session = self.study.session
        ready = self.result is not None and self._settings is not None and not self.stale
        if not ready or session is None or session.result is None or not self._model_id():
            return None
        if session.result.predictions is not self.result.predictions:
            return None
        return self.result, self._model_id()

    def stop(self) -> None:
        """The scene is about to close: nothing runs, nothing is known."""
        self.job.close()
        self._again = False
        self.result = self._key = None

    # Prediction

    def predict_or_cancel(self, checked: bool = False) -> None:
        if self.job.busy:
            self._again = False
            self.job.cancel()
        else:
            self.predict()

    def predict(self, interactive: bool = True) -> None:
        """Start the computation for the present inputs; `interactive` shows errors in a window as well."""
        if self._settings is None or self.job.busy:
            return
        try:
            request = self.study.request(self.inputs())
        except VirtualBiopsyError as error:
            self._fail(error, interactive)
            return
        key = self._inputs_key()
        if request.session is not self._session:
            self._session = request.session
            self._forget_cards()
        self._set_status("")
        self.job.start(
            lambda progress: Study.compute(request, progress),
            lambda result: self._done(result, key),
            lambda error: self._fail(error, interactive),
            _("Preparing"),
        )

    def wait_for_completion(self, seconds: float = 600.0) -> None:
        """Wait for the running job and what follows from it; for scripts and tests."""
        self.job.wait(seconds)

    def vary_outline(self, checked: bool = False, interactive: bool = True) -> None:
        """Compute how much the estimates move when the outline moves a little; the trust cards tell it."""
        session = self.study.session
        if self._settings is None or self.job.busy or session is None or session.result is None or self.stale:
            return
        key = self._key

        def done(entries: Any) -> None:
            self._varying = False
            self._done(session.result, key)

        def failed(error: Exception) -> None:
            self._varying = False
            self._fail(error, interactive)
            if not interactive and not isinstance(error, Cancelled) and self._up_to_date() is not None:
                self._ask_further()

        self._varying = not interactive
        self.job.start(session.stability, done, failed, _("Varying the outline"))

    def _done(self, result: Result | None, key: Any) -> None:
        if result is None:
            return
        self.result, self._key = result, key
        self._say_done()
        if self._settings is not None:
            self._keep(result)
            self.refresh()
        if self._again:
            self._again = False
            if self.stale:
                self.predict(interactive=False)
                return
        if self._settings is None or self._up_to_date() is None:
            return
        if self.result.stability:
            self._ask_further()
        else:
            self.vary_outline(interactive=False)

    def _say_done(self) -> None:
        self._set_status(_("Done at {time}.").format(time=time.strftime("%H:%M:%S")))

    def _fail(self, error: Exception, interactive: bool) -> None:
        text, details = user_text(error)
        self._set_status(text)
        if interactive and not isinstance(error, Cancelled):
            slicer.util.errorDisplay(text, windowTitle=self._tag, detailedText=details)
        if self._again and (not isinstance(error, Cancelled) or self._yielding):
            self._again = self._yielding = False
            self.predict(interactive=False)
            return
        self._again = self._yielding = False
        self._refresh_state()

    def _settled(self) -> None:
        settings = self._settings
        if settings is None or not settings.liveUpdate:
            return
        if self.job.busy:
            self._again = True  # what runs now may be for an older outline
            if (self.questions.asking or self._varying) and self.stale:
                self._yielding = True
                self.job.cancel()
        elif self.stale:
            self.predict(interactive=False)
