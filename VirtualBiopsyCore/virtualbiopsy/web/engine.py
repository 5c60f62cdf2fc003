"""The engine's reference tests, and its comparison with pyradiomics, behind the tab "Engine"."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..engines.doors import EngineCheck, check_agreement, check_reference_values, engine_state
from ..errors import MissingSequenceError, UnreadableFileError

if TYPE_CHECKING:
    from .app import Application

SHOWN = 20


class EngineDesk:
    """Buttons of the tab "Engine"; keeps the last outcome of each kind for download."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._files: dict[str, str] = {}

    def refresh(self) -> None:
        """Say what computes the features now."""
        found = engine_state()
        with self._app.state as state:
            state.engine_kernels = found.kernels
            state.engine_peer = found.pyradiomics
            state.engine_peer_reason = found.why_not

    async def certify(self) -> None:
        """Run the IBSI reference tests."""
        app = self._app
        data = str(app.state.engine_data).strip()
        outcome = await app.jobs.run(
            "engine",
            "IBSI reference tests",
            lambda progress: check_reference_values(progress, data, created=_now()),
        )
        self._show(outcome)

    async def compare(self) -> None:
        """Compare with pyradiomics on the reference sequence and the present outline."""
        app = self._app
        if app.session is None:
            raise MissingSequenceError("There is no case.", "Open a case first.")
        mask = app.outlines.mask()
        sequence = app.session.case.sequence(app.tasks.task.reference)
        filtered, name = bool(app.state.engine_filtered), app.session.case.name
        outcome = await app.jobs.run(
            "engine",
            "Comparing with pyradiomics",
            lambda progress: check_agreement(
                sequence.image,
                mask,
                progress,
                sequence=sequence.role,
                filtered=filtered,
                created=_now(),
                case=f"{name}, {sequence.name}, outline of the session",
            ),
        )
        self._show(outcome)

    def _show(self, outcome: EngineCheck) -> None:
        self._files.update(outcome.files)
        shown = list(outcome.failures[:SHOWN])
        if len(outcome.failures) > SHOWN:
            shown.append(f"… and {len(outcome.failures) - SHOWN} more, see the report.")
        entry = {
            "kind": outcome.kind,
            "title": {"certificate": "IBSI reference tests", "agreement": "Agreement with pyradiomics"}[
                outcome.kind
            ],
            "good": outcome.good,
            "sentence": outcome.sentence,
            "groups": [
                {"name": name, "passed": good, "failed": bad, "none": none}
                for name, good, bad, none in outcome.groups
            ],
            "failures": shown,
            "files": list(outcome.files),
        }
        with self._app.state as state:
            kept = [check for check in state.engine_checks if check["kind"] != outcome.kind]
            state.engine_checks = [entry, *kept]
        self.refresh()

    def download(self, name: str) -> Any:
        """One file of the last outcome for the browser to keep; called by the page."""
        try:
            if name not in self._files:
                raise UnreadableFileError(f"There is no {name} yet.", "Run the check first.")
            return self._app.server.protocol.addAttachment(self._files[name].encode("utf-8"))
        except Exception as error:
            self._app.alerts.show(error)
            return ""


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
