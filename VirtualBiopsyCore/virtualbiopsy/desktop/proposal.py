"""An outline proposed from one click into the lesion."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..progress import Progress
from ..regions.proposal import Proposal
from ..scene.nodes import ROLE, nodes_with_role
from ..scene.volumes import ras_from_lps
from ..session import Session
from .bench import Bench
from .pictures import say

SEED = "seed"


class ProposalControls:
    """The button, the click in a slice view, and what comes of it.

    Parameters
    ----------
    bench : its `ui` has proposeButton and proposalLabel.
    session : returns the session of the chosen images, or None after an error that was shown.
    on_found : called with the proposal; makes a segment of it.
    """

    def __init__(
        self,
        bench: Bench,
        session: Callable[[], Session | None],
        on_found: Callable[[Proposal], None],
    ) -> None:
        self._bench, self._ui, self._scene = bench, bench.ui, bench.scene
        self._session, self._on_found = session, on_found
        self._seed: Any = None
        self._tag: int | None = None
        self._later = qt.QTimer()
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.connect("timeout()", self._take)
        bench.ui.proposeButton.connect("clicked(bool)", self.place)

    @property
    def waiting(self) -> bool:
        """Whether a click into a view is waited for."""
        return self._seed is not None

    def place(self, checked: bool = False) -> None:
        """Wait for a click into a slice view; a second press gives it up."""
        if self.waiting:
            self.give_up()
            return
        if self._bench.job.busy:
            return
        node = self._scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", _("Lesion seed"))
        node.SetAttribute(ROLE, SEED)
        node.SetMaximumNumberOfControlPoints(1)
        node.CreateDefaultDisplayNodes()
        event = slicer.vtkMRMLMarkupsNode.PointPositionDefinedEvent
        self._seed, self._tag = node, node.AddObserver(event, self._placed)
        logic = slicer.modules.markups.logic()
        logic.SetActiveList(node)
        logic.StartPlaceMode(False)
        self._bench.tell(_("Click into the lesion in a slice view."))
        self.refresh(True)

    def _placed(self, caller: Any, event: str) -> None:
        self._later.start()  # the node is not removed from within its own event

    def _take(self) -> None:
        self._later.stop()
        seed = self._seed
        if seed is None or seed.GetNumberOfControlPoints() < 1:
            return
        ras = seed.GetNthControlPointPositionWorld(0)
        self.give_up()
        self.propose_at(ras_from_lps(ras))

    def take_now(self) -> None:
        """Do not wait for the event loop; for scripts and tests."""
        self._take()

    def give_up(self) -> None:
        """Take the seed out of the scene; no click is waited for."""
        self._later.stop()
        seed, self._seed = self._seed, None
        if seed is not None and self._tag is not None:
            seed.RemoveObserver(self._tag)
        self._tag = None
        for node in nodes_with_role(self._scene, "vtkMRMLMarkupsFiducialNode", SEED):
            for n in range(node.GetNumberOfDisplayNodes()):
                self._scene.RemoveNode(node.GetNthDisplayNode(n))
            self._scene.RemoveNode(node)
        if seed is not None:
            interaction = self._scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
            if interaction is not None:
                interaction.SetCurrentInteractionMode(interaction.ViewTransform)
        self.refresh(not self._bench.job.busy)

    def propose_at(self, lps: tuple[float, float, float]) -> None:
        """Look for the lesion at a point, LPS mm."""
        session = self._session() if not self._bench.job.busy else None
        if session is None:
            return

        def work(progress: Progress) -> Proposal:
            return session.dynamics.propose(tuple(float(x) for x in lps), progress)

        def done(found: Proposal) -> None:
            self._on_found(found)
            say(self._ui.proposalLabel, escape(found.note))

        self._bench.start(work, done, _("Looking for the lesion"))

    def refresh(self, ready: bool) -> None:
        """`ready`: there is a series and nothing runs."""
        button = self._ui.proposeButton
        button.enabled = ready
        button.setText(
            _("Click into the lesion, or press to give up")
            if self.waiting
            else _("Propose an outline: click into the lesion")
        )

    def close(self) -> None:
        self.give_up()
