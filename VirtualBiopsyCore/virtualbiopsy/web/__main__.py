"""``python -m virtualbiopsy.web [CASE] [--task TASK] …``: start the application on this computer."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from .. import RESEARCH_USE_ONLY, __version__
from ..tasks import TASKS

HOST = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the server; returns when it was stopped."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for name in ("aiohttp", "trame_server", "trame_client", "trame_slicer", "trame_rca", "wslink"):
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.argv[1:] = []  # the server has a command line of its own
    os.environ.setdefault("WSLINK_WS_COMPRESS", "0")

    from .preflight import install_hint, opengl_available

    found, text = opengl_available()
    if not found:
        print(f"{text}\n{install_hint('opengl')}", file=sys.stderr)
        return 1

    from ..models.radmodel import load_radmodel
    from .app import Application
    from .secure import harden

    models = [load_radmodel(path) for path in options.model]
    application = Application(models or None, options.task)
    server = application.server
    security = harden(server, options.port, HOST)
    if options.case:
        application.open_at_start(str(options.case))

    @server.controller.add("on_server_ready")
    def announce(**_: object) -> None:
        print(f"VirtualBiopsy {__version__}. {RESEARCH_USE_ONLY}.")
        print(f"Open {security.url}", flush=True)
        print("Stop with Ctrl+C.", flush=True)
        if not options.no_open:
            webbrowser.open(security.url)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.start(
            port=options.port,
            host=HOST,
            open_browser=False,
            show_connection_info=False,
            timeout=0,
            disable_logging=True,
        )
    finally:
        application.jobs.close()
        application.workbench.shut()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m virtualbiopsy.web",
        description=f"The browser application, for one user on this computer. {RESEARCH_USE_ONLY}.",
    )
    parser.add_argument(
        "case", nargs="?", type=Path, help="case folder or image file; a start page if left out"
    )
    parser.add_argument(
        "--port", type=int, default=0, help="port on 127.0.0.1; 0 (the default) takes a free one"
    )
    parser.add_argument("--no-open", action="store_true", help="print the address, open no browser")
    parser.add_argument(
        "--task", choices=sorted(TASKS), default="", help="what the case is for; guessed if left out"
    )
    parser.add_argument(
        "--model", action="append", default=[], type=Path, help=".radmodel file instead of the bundled models"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
