"""Small building blocks of the panels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v


def aria(**values: str) -> list[str]:
    """Raw attributes that the widgets have no name for: ``aria(label="Undo", role="status")``."""
    plain = ("role", "for", "min", "max", "step")
    found = []
    for key, value in values.items():
        name = key.rstrip("_")
        found.append(f'{name if name in plain else "aria-" + name}="{escape(value)}"')
    return found


def button(text: str, identity: str, click: Any, *, icon: str = "", **options: Any) -> None:
    """A small button with text."""
    options.setdefault("size", "small")
    options.setdefault("variant", "tonal")
    if icon:
        options["prepend_icon"] = icon
    v.VBtn(text, id=identity, click=click, **options)


def icon_button(label: str, identity: str, icon: str, click: Any, **options: Any) -> None:
    """A button with an icon only; `label` is its tooltip and its name for screen readers."""
    options.setdefault("size", "small")
    options.setdefault("variant", "text")
    options.setdefault("density", "comfortable")
    with v.VBtn(id=identity, click=click, title=label, icon=True, raw_attrs=aria(label=label), **options):
        v.VIcon(icon)


def switch(label: Any, name: str, **options: Any) -> None:
    v.VSwitch(
        v_model=(name,),
        label=label,
        id=name,
        density="compact",
        hide_details=True,
        color="primary",
        classes="vb-switch",
        **options,
    )


def slider(label: str, name: str, low: Any, high: Any, step: Any, *, value: str = "", **options: Any) -> None:
    """A labelled slider with its value at the end of the line."""
    with html.Div(classes="vb-slider"):
        html.Label(label, id=f"{name}_label", raw_attrs=aria(for_=name))
        v.VSlider(
            v_model=(name,),
            min=low,
            max=high,
            step=step,
            id=name,
            raw_attrs=aria(labelledby=f"{name}_label"),
            hide_details=True,
            density="compact",
            thumb_size=14,
            track_size=3,
            color="primary",
            **options,
        )
        html.Span(f"{{{{ {value or name} }}}}", classes="vb-value")


def path_field(label: str, name: str, browse: Callable[[str], None], **options: Any) -> None:
    """A text field for a local path with a Browse button."""
    with html.Div(classes="d-flex align-center ga-1"):
        v.VTextField(
            v_model=(name,),
            label=label,
            id=name,
            density="compact",
            variant="outlined",
            hide_details=True,
            spellcheck="false",
            autocomplete="off",
            **options,
        )
        icon_button(
            "Browse the folders of this computer",
            f"browse_{name}",
            "mdi-folder-search-outline",
            (browse, f"['{name}']"),
        )


def select(label: str, name: str, items: Any, **options: Any) -> None:
    v.VSelect(
        v_model=(name,),
        items=items,
        label=label,
        id=name,
        density="compact",
        variant="outlined",
        hide_details=True,
        **options,
    )


@contextmanager
def section(title: str, identity: str, **options: Any) -> Iterator[None]:
    """A titled part of a panel."""
    with html.Section(classes="vb-section", id=identity, **options):
        html.H3(title)
        yield
