"""A result in the saved scene, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..models.radmodel import RadModel
from ..scene.persist import load_state, save_state
from ..scene.results import result_from_state, result_to_state
from ..scene.segments import mask_from_segment
from ..session import Result, region_digest
from .images import chosen_nodes
from .study import Inputs


def keep(scene: Any, module: str, inputs: Inputs, models: Sequence[RadModel], result: Result) -> None:
    """Write a result and what it was computed from into the scene's text node."""
    save_state(
        scene,
        {
            "module": module,
            "segment_id": inputs.segment_id,
            "clinical": dict(inputs.clinical),
            "models": {m.model_id: {"version": m.version, "sha256": m.sha256} for m in models},
            "result": result_to_state(result),
        },
        {
            **chosen_nodes(inputs.volumes),
            "segmentation": inputs.segmentation,
            **({"dynamic": inputs.dynamic} if inputs.dynamic is not None else {}),
        },
    )


def kept(scene: Any, module: str, inputs: Inputs, reference: Any) -> tuple[Result, bool] | None:
    """Return the result that a loaded scene carries, and whether outline and clinical data still agree with
    it; None if the scene carries none of this module.

    Parameters
    ----------
    reference : volume that the outline is drawn on, None if it is not chosen.

    Raises
    ------
    UnreadableFileError, KeyError : the state is damaged.
    """
    state = load_state(scene)
    if not state or state.get("module") != module:
        return None
    result = result_from_state(state["result"])
    if reference is None or inputs.segmentation is None or not inputs.segment_id:
        return result, False
    mask = mask_from_segment(inputs.segmentation, inputs.segment_id, reference)
    agree = region_digest(mask) == result.region_digest
    return result, agree and dict(inputs.clinical) == state.get("clinical")
