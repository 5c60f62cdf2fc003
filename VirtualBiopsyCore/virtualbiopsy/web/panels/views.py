"""Controls that lie over a view: name, side letters, fit button and slice slider."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v
from trame_slicer.app.logic.slice_view_logic import connect_slice_view_slider_to_state

from .controls import aria

# Letters at the left, right, top and bottom of the picture, radiological convention.
SIDES = {"Axial": "RLAP", "Coronal": "RLSI", "Sagittal": "APSI"}
PLACES = (
    "left:8px;top:50%;transform:translateY(-50%)",
    "right:8px;top:50%;transform:translateY(-50%)",
    "top:34px;left:50%;transform:translateX(-50%)",
    "bottom:26px;left:50%;transform:translateX(-50%)",
)


def _caption(text: str, view: Any, identity: str) -> None:
    with html.Div(classes="vb-caption"):
        html.Span(text)
        with v.VBtn(
            icon=True,
            size="x-small",
            variant="text",
            click=view.reset_view,
            id=f"fit_{identity}",
            title=f"Fit the {text} view",
            raw_attrs=aria(label=f"Fit the {text} view"),
        ):
            v.VIcon("mdi-fit-to-page-outline", size="16")


def slice_view_ui(server: Any, view_id: str, view: Any) -> None:
    """Fill a slice view."""
    orientation = view.get_orientation()
    identity = orientation.lower()
    _caption(orientation, view, identity)
    for letter, place in zip(SIDES.get(orientation, ""), PLACES, strict=False):
        html.Div(letter, classes="vb-side", style=place)
    slider = connect_slice_view_slider_to_state(server, view)
    with html.Div(classes="vb-slice-slider"):
        v.VSlider(
            v_model=(slider.name.value,),
            min=(slider.name.min_value,),
            max=(slider.name.max_value,),
            step=(slider.name.step,),
            hide_details=True,
            density="compact",
            thumb_size=12,
            track_size=2,
            color="grey-lighten-1",
            id=f"slice_{identity}",
            raw_attrs=aria(label=f"{orientation} slice position in mm"),
        )

    with html.Div(
        v_if=f"probe_view === '{view.get_singleton_tag()}' && probe.length",
        classes="vb-probe",
        raw_attrs=[':data-lines="probe.length"'],
        id=f"probe_{identity}",
    ):
        html.Div("{{ line }}", v_for="line in probe", key="line")


def threed_view_ui(server: Any, view_id: str, view: Any) -> None:
    """Fill the 3D view."""
    _caption("3D", view, "solid")
