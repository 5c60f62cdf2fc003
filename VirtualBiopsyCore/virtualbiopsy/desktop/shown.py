"""A result in the widgets: cards, ledger, figures, evidence, model card."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from ..explain.regional import RegionExplanation
from ..report.credit import shared_words
from ..scene.results import result_nodes
from ..session import Result
from .answers import same
from .cards import deltas_html, evidence_html, facts_text, show_waterfall, warnings_html
from .ledger import LedgerTree, ledger_lines
from .overlay import OverlayControls
from .pictures import clear, say
from .study import Study
from .trust import TrustedNumbers
from .whatif import WhatIfControls

WORDS = ("factsLabel", "warningsLabel", "rolesLabel", "deltaLabel", "regionsLabel", "sharedLabel")


class ResultView:
    """What shows a result; it holds no result itself.

    Parameters
    ----------
    on_reveal : called with a model id when the user asks for the number of a red card.
    on_part : called with (part, feature key) when a line of the ledger was chosen.
    on_model : called with a model id when the user wants another estimate explained.
    """

    def __init__(
        self,
        ui: Any,
        scene: Any,
        study: Study,
        overlay: OverlayControls,
        on_reveal: Callable[[str], None],
        on_part: Callable[[str, str], None],
        on_model: Callable[[str], None],
    ) -> None:
        self._ui, self._scene, self._study, self._overlay = ui, scene, study, overlay
        self._on_model = on_model
        self._explained: tuple[Any, ...] = ()
        self._updating = False
        self.model_ids: list[str] = []
        self.cards = TrustedNumbers(ui.resultsFrame, on_reveal)
        self.ledger = LedgerTree(ui, on_part)
        self.what_if = WhatIfControls(ui, study)
        ui.modelComboBox.connect("currentIndexChanged(int)", self._model_chosen)

    def clear(self) -> None:
        """Show that there is no result."""
        ui = self._ui
        self.cards.clear()
        self.model_ids = []
        ui.modelComboBox.clear()
        self._overlay.offer(None, {})
        ui.featureTable.setMRMLTableNode(None)
        for name in WORDS:
            say(getattr(ui, name), "")
        self._explained = ()
        clear(ui.waterfallLabel)
        self.ledger.clear()
        self.what_if.show(None, None, False)
        ui.evidenceBrowser.setHtml("")
        ui.cardBrowser.setPlainText("")

    def show(self, result: Result, diameter: bool) -> None:
        """Show a result and put its tables and charts into the scene."""
        ui, models = self._ui, self._study.models_by_id
        titles = {model.model_id: model.title for model in self._study.models}
        nodes = result_nodes(self._scene, result, titles, diameter)
        ui.featureTable.setMRMLTableNode(nodes["features"])
        self.cards.show(result, models)
        ids = [prediction.model_id for prediction in result.predictions]
        if ids != self.model_ids:
            self.model_ids = []
            self._updating = True
            try:
                ui.modelComboBox.clear()
                named = [prediction.positive for prediction in result.predictions]
                for positive, model_id in zip(named, ids, strict=True):
                    alike = named.count(positive) > 1
                    ui.modelComboBox.addItem(f"{positive} ({model_id})" if alike else positive, model_id)
            finally:
                self._updating = False
            self.model_ids = ids
        self._overlay.offer(result, models)
        say(ui.factsLabel, facts_text(result.facts))
        say(ui.warningsLabel, warnings_html(result))
        ui.evidenceBrowser.setHtml(evidence_html(result.evidence))

    def model_id(self, chosen: str) -> str:
        """The model whose estimate is explained for this choice; "" without a result."""
        return chosen if chosen in self.model_ids else (self.model_ids[0] if self.model_ids else "")

    def map_model(self, key: str, chosen: str) -> str:
        """The model of the map that is shown for this choice, or that a loaded scene shows."""
        model_id = (self._overlay.resolve(key) or key).partition("|")[0]
        return model_id if model_id in self.model_ids else self.model_id(chosen)

    def explain(self, result: Result, model_id: str, regions: RegionExplanation | None) -> None:
        """Show what the estimate of one model rests on; nothing of it while its card withholds the number."""
        ui = self._ui
        index = self.model_ids.index(model_id)
        if ui.modelComboBox.currentIndex != index:
            self._updating = True
            try:
                ui.modelComboBox.setCurrentIndex(index)
            finally:
                self._updating = False
        waits = self.cards.withheld(result, model_id)
        shown = (result, model_id, waits, regions)
        if same(self._explained, shown):
            return
        self._explained = shown
        models = self._study.models_by_id
        model = models.get(model_id)
        open_ids = [m for m in self.model_ids if not self.cards.withheld(result, m)]
        say(ui.deltaLabel, deltas_html(result, open_ids, models))
        ui.cardBrowser.setMarkdown(model.card if model is not None else "")
        if waits:
            clear(ui.waterfallLabel)
            self.ledger.clear()
            say(ui.sharedLabel, "")
            self.what_if.show(None, None, False)
            return
        show_waterfall(ui.waterfallLabel, result, model_id, models)
        explanation = result.explanations[index]
        say(ui.sharedLabel, "<br>".join(map(escape, shared_words(explanation))))
        self.ledger.show(ledger_lines(explanation, result.predictions[index], regions))

    def _model_chosen(self, index: int) -> None:
        if not self._updating and 0 <= index < len(self.model_ids):
            self._on_model(self.model_ids[index])

    def close(self) -> None:
        self.ledger.close()
        self._ui.featureTable.setMRMLTableNode(None)
