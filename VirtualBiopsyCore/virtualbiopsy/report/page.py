"""The frame of every report: one HTML document that loads nothing."""

from __future__ import annotations

from .markup import esc
from .style import CSS

CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(title: str, body: str, banner: str, css: str = "") -> str:
    """A complete document around markup; `title` and `banner` (shown above and below) are plain texts.

    `css` is added to the style sheet.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{CSP}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{esc(title)}</title><style>{CSS}{css}</style></head><body>"
        f'<div class="banner" role="note">{esc(banner)}</div>'
        f"<main>{body}</main>"
        f'<div class="banner last" role="note">{esc(banner)}</div></body></html>\n'
    )
