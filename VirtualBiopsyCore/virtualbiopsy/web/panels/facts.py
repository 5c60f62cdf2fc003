"""Size and place of the outline as a table."""

from __future__ import annotations

from trame.widgets import html


def facts_table(prefix: str) -> None:
    """The facts; each value has the id `prefix`_name."""
    body = {"v_for": "f in facts", "key": "f.id"}
    with html.Table(classes="vb-table", v_if="facts.length"), html.Tbody(), html.Tr(**body):
        html.Td("{{ f.name }}")
        html.Td("{{ f.value }}", classes="num", raw_attrs=[f":id=\"'{prefix}_' + f.id\""])
