"""Questions about a result that take a while: level 2, influence of the outline, stable signs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk
from slicer.i18n import tr as _

from ..errors import Cancelled
from ..explain.agreement import Agreement, agreement
from ..prepare.prepare import prepare_mask
from ..progress import Progress
from ..scene.results import INFLUENCE, REGIONS
from ..session import Result, Session
from .answers import FEATURE, Answers
from .job import JobRunner
from .study import Study

KINDS = ("supervoxels", "rim", "habitats", "drawn")
GAMES = ("erase", "infill")
PARTS = 8


class Questions:
    """Asks in the background, one question at a time; edits of the outline come first.

    Parameters
    ----------
    ui : has regionsKindComboBox, regionsGameComboBox, regionsButton, refineButton, influenceButton.
    current : returns (result, model id) if there is a result that is up to date, else None.
    on_answer : called with "model id|part" when something new can be shown ("" for hatching).
    fail : called with an exception and whether the user waits for the answer.
    drawn : returns masks of the parts that the user drew as further segments; asked on the main thread.
    """

    def __init__(
        self,
        ui: Any,
        job: JobRunner,
        study: Study,
        current: Callable[[], tuple[Result, str] | None],
        on_answer: Callable[[str], None],
        fail: Callable[[Exception, bool], None],
        drawn: Callable[[], Sequence[sitk.Image]] = tuple,
    ) -> None:
        self._ui = ui
        self._job = job
        self._study = study
        self._current = current
        self._on_answer = on_answer
        self._fail = fail
        self._drawn = drawn
        self._waiting: list[Callable[[], bool]] = []
        self.asking = False
        self.answers = Answers()
        kinds = {
            "supervoxels": _("compact parts"),
            "rim": _("rim and core"),
            "habitats": _("habitats"),
            "drawn": _("the other segments"),
        }
        for kind in KINDS:
            ui.regionsKindComboBox.addItem(kinds[kind], kind)
        games = {"erase": _("left out of the outline"), "infill": _("filled with reference texture")}
        for game in GAMES:
            ui.regionsGameComboBox.addItem(games[game], game)
        ui.regionsButton.connect("clicked(bool)", self.ask_regions)
        ui.influenceButton.connect("clicked(bool)", self.ask_influence)
        ui.refineButton.connect("clicked(bool)", self.ask_refined)

    def forget(self) -> None:
        """The scene was closed."""
        self._waiting, self.asking, self.answers = [], False, Answers()

    def about(self, result: Result | None) -> Answers:
        """The answers about this result; those about another one are dropped."""
        self.answers = self.answers.about(result)
        return self.answers

    def refresh(self, ready: bool) -> None:
        """Buttons can be pressed when there is something to ask about and nothing runs."""
        hint = "" if ready else _("Predict first; nothing is asked about results out of date.")
        self._ui.regionsButton.enabled = ready
        self._ui.influenceButton.enabled = ready
        known = self._current() if ready else None
        self._ui.refineButton.enabled = known is not None and known[1] in self.about(known[0]).regions
        self._ui.regionsButton.toolTip = hint or _(
            "What the score would be without each part, by measuring again without it."
        )
        self._ui.influenceButton.toolTip = hint or _(
            "How the probability would change if a part were erased from the outline or painted into it."
        )

    def ask_regions(self, checked: bool = False) -> bool:
        """Level 2 of the chosen model."""
        kind = _chosen(self._ui.regionsKindComboBox, KINDS)
        game = _chosen(self._ui.regionsGameComboBox, GAMES)
        masks = self._drawn() if kind == "drawn" else ()
        return self._ask(
            lambda session, model_id, progress: session.explain_regions(
                model_id,
                kind=kind,
                count=PARTS,
                game=game,
                drawn=drawn_parts(session, model_id, masks) if kind == "drawn" else None,
                progress=progress,
            ),
            lambda answers, model_id, found: answers.regions.__setitem__(model_id, found),
            REGIONS,
            _("Leaving parts out"),
            True,
        )

    def ask_refined(self, checked: bool = False) -> bool:
        """Split the strongest parts of the level 2 that is there."""
        known = self._current()
        found = self.about(known[0]).regions.get(known[1]) if known is not None else None
        if found is None:
            return False
        return self._ask(
            lambda session, model_id, progress: session.refine_regions(found, progress=progress),
            lambda answers, model_id, refined: answers.regions.__setitem__(model_id, refined),
            REGIONS,
            _("Splitting the strongest parts"),
            True,
        )

    def ask_influence(self, checked: bool = False, waited_for: bool = True) -> bool:
        """Influence of the outline on the chosen model."""
        return self._ask(
            lambda session, model_id, progress: session.influence(model_id, progress=progress),
            lambda answers, model_id, found: answers.influence.__setitem__(model_id, found),
            INFLUENCE,
            _("Changing the outline"),
            waited_for,
        )

    def ask_unstable(self) -> bool:
        """Where the sign of the chosen model's map is not stable."""
        return self._ask(
            lambda session, model_id, progress: session.unstable_sign(model_id, progress=progress),
            lambda answers, model_id, found: answers.unstable.__setitem__(model_id, found),
            "",
            _("Trying the signs of the map"),
            False,
        )

    def feature_map(self, key: str) -> str:
        """Compute the map of one feature at once; return "feature:key", or "" if there is none."""
        known, session = self._current(), self._study.session
        if known is None or session is None:
            return ""
        result, model_id = known
        answers = self.about(result)
        if (model_id, key) not in answers.features:
            if self._job.busy:
                return ""
            image = session.feature_map(model_id, key)
            if image is None:
                return ""
            answers.features.clear()
            answers.features[model_id, key] = image
        return FEATURE + key

    def after_prediction(self, hatching: bool, influence: bool) -> None:
        """What follows every new result, one after the other."""
        self._waiting = []
        if influence:
            self._waiting.append(lambda: self.ask_influence(waited_for=False))
        if hatching:
            self._waiting.append(self.ask_unstable)
        self._next()

    def _next(self) -> None:
        while self._waiting and not self._job.busy:
            if self._waiting.pop(0)():
                return

    def _ask(
        self,
        work: Callable[[Any, str, Progress], Any],
        keep: Callable[[Answers, str, Any], None],
        part: str,
        message: str,
        waited_for: bool,
    ) -> bool:
        known, session = self._current(), self._study.session
        if known is None or session is None or self._job.busy:
            return False
        result, model_id = known

        def done(found: Any) -> None:
            self.asking = False
            now = self._current()
            if found is not None and now is not None and now[0].predictions is result.predictions:
                keep(self.about(now[0]), model_id, found)
                self._on_answer(f"{model_id}|{part}" if part and waited_for else "")
            self._next()

        def failed(error: Exception) -> None:
            self.asking = False
            if isinstance(error, Cancelled):
                self._waiting = []
            self._fail(error, waited_for)
            self._next()

        self.asking = True
        self._job.start(lambda progress: work(session, model_id, progress), done, failed, message)
        return True

    def regions_words(self, result: Result | None, model_id: str) -> str:
        """How level 2 was found, and whether it agrees with level 1."""
        found = self.about(result).regions.get(model_id)
        if found is None or result is None:
            return ""
        words = [f"{found.method}."]
        for explanation in result.explanations:
            if explanation.model_id == model_id and explanation.total is not None:
                words.append(_agreement_words(agreement(explanation, found)))
        return " ".join(words)


def drawn_parts(session: Session, model_id: str, masks: Sequence[sitk.Image]) -> np.ndarray:
    """Masks as whole numbers (k, j, i) on a model's prepared grid: 1 for the first, later ones on top."""
    model = next(model for model in session.models if model.model_id == model_id)
    prepared = session.prepared(model)
    labels = np.zeros(prepared.grid.GetSize()[::-1], dtype=np.int32)
    for number, mask in enumerate(masks, start=1):
        inside = sitk.GetArrayFromImage(prepare_mask(mask, prepared))
        labels[inside != 0] = number
    return labels


def _agreement_words(found: Agreement) -> str:
    if not math.isfinite(found.correlation):
        return ""
    text = _("Rank correlation with “Where the features sit”: {rho:.2f}.").format(rho=found.correlation)
    if found.disagrees:
        text += " " + _("The two levels disagree: they answer different questions, read both with care.")
    return text


def _chosen(combo: Any, values: tuple[str, ...]) -> str:
    index = combo.currentIndex
    return values[index] if 0 <= index < len(values) else values[0]
