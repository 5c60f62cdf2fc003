"""Guard of the browser application: one user, one browser, this computer.

Threats that are met
--------------------
* Another web page in the user's browser (cross-site requests and WebSockets, DNS rebinding, framing): the
  ``Host`` and ``Origin`` headers must name this server; cookies are ``SameSite=Strict``; no framing.
* Another program or user of the computer: every start has its own random key; without it the server gives no
  page, no file and no data. The key travels in the address once, is kept by the tab, and is in no log.
* A second browser: refused while the first is connected, as it would see the first one's patient. The same
  browser may come back (reload), or take over from its own other tab.
* Names and sizes of uploads (``safe_name``, ``MAX_UPLOAD_BYTES``), paths outside the served folders, injected
  inline scripts (content security policy with a nonce).

Not met: programs that run as the same user, a hostile browser extension, and the network. The server binds to
loopback only; remote use needs a proxy with TLS and sign-on, and one process for each user.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import re
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from wslink.websocket import LinkProtocol

from ..errors import OversizedFileError, VirtualBiopsyError

MAX_UPLOAD_BYTES = 512 * 1024 * 1024
"""Largest upload, and largest message that one browser can send (it is held in memory)."""
MAX_NAME_BYTES = 200
SECONDS_TO_SIGN_IN = 15.0

logger = logging.getLogger(__name__)

_PAGES = ("/", "/index.html")
_WINDOWS_DEVICES = {"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10)}
_CLOSED = (
    '<div style="font:16px sans-serif;padding:3em;max-width:40em;margin:auto">'
    "<h3>The connection to VirtualBiopsy has ended</h3>"
    "<p>It was opened in another tab, or the application was stopped. "
    "To go on here, reload this page.</p></div>"
)
# The client takes the key out of the address when it has read it; this keeps it for a reload of the same tab.
# The session address is given, because the client would ask a launcher for it, and take any from a link.
_KEEP_KEY = """
(() => {
  const name = "virtualbiopsy-key", url = new URL(location), given = url.searchParams.get("secret");
  const key = given || sessionStorage.getItem(name);
  if (!key) { location.replace("index.html?secret="); return; }
  sessionStorage.setItem(name, key);
  url.searchParams.set("secret", key);
  url.searchParams.set("sessionURL", location.origin.replace(/^http/, "ws") + "/ws");
  url.searchParams.delete("sessionManagerURL");
  history.replaceState({}, "", url);
})();
"""


class InsecureServerError(VirtualBiopsyError):
    """The server would listen where it must not, or cannot be guarded."""


class UploadError(VirtualBiopsyError):
    """An uploaded file has no usable name."""


@dataclass
class Security:
    """What the caller needs to open the application.

    Attributes
    ----------
    key : the random key of this start; never print or log it apart from ``url``.
    url : the address with the key; with port 0 known only when the server listens (``on_server_ready``).
    """

    key: str = field(repr=False)
    host: str
    port: int
    _port: Callable[[], int] = field(repr=False, default=lambda: 0)

    @property
    def url(self) -> str:
        port = self._port() or self.port
        if not port:
            raise InsecureServerError("The address is not known before the server listens.")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{port}/?secret={self.key}"


def harden(server: Any, port: int, host: str = "127.0.0.1", *, allowed_hosts: Sequence[str] = ()) -> Security:
    """Guard a trame server; call before ``server.start(port=port, host=host, open_browser=False)``.

    Parameters
    ----------
    server : trame server (the root one), not yet started.
    port : the port that it will listen on; 0 if the system chooses.
    host : loopback address or ``localhost``.
    allowed_hosts : further values of the ``Host`` header (``name`` or ``name:port``), for a proxy in front.

    Raises
    ------
    InsecureServerError
        ``host`` is not loopback; also from ``server.start`` if the command line or environment turned
        the server to another interface or to a relay.
    """
    if not _is_loopback(host):
        raise InsecureServerError(
            f"The application listens on this computer only; {host!r} is not a loopback address.",
            "Use 127.0.0.1; for use from elsewhere put a proxy with TLS and sign-on in front.",
        )
    security = Security(secrets.token_urlsafe(32), host, port, lambda: server.port)
    doorman = _Doorman(security.key)
    server.add_protocol_to_configure(lambda protocol: protocol.registerLinkProtocol(doorman))

    def on_bind(ws_server: Any) -> None:
        if getattr(ws_server, "app", None) is None or not _is_loopback(ws_server.host):
            raise InsecureServerError(
                "The application must listen on this computer only, and directly.",
                "Start it without --host, --reverse-url and TRAME_DEFAULT_HOST.",
            )
        server.protocol.updateSecret(security.key)  # in no case the public default
        doorman.ws_server = ws_server
        ws_server.app.middlewares.insert(0, _guard(ws_server, doorman, tuple(allowed_hosts)))

    server.controller.on_server_bind.add(on_bind)
    if not server.state.has("trame__template_error"):
        server.state.trame__template_error = _CLOSED
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)  # its lines would hold the key
    return security


def safe_name(name: str) -> str:
    """Name under which an upload may be stored: no folder, no control character, no hidden or device file.

    Raises
    ------
    UploadError
        Nothing usable is left of the name.
    """
    text = unicodedata.normalize("NFC", str(name)).replace("\\", "/").split("/")[-1]
    text = "".join(c for c in text if unicodedata.category(c)[0] != "C")
    text = re.sub(r'[<>:"|?*]', "_", Path(text).name).strip(" .") if text else ""
    if text.split(".")[0].strip().lower() in _WINDOWS_DEVICES:
        text = f"_{text}"
    if len(text.encode()) > MAX_NAME_BYTES:
        ending = "".join(Path(text).suffixes[-2:])[-32:]
        stem = text.encode()[: MAX_NAME_BYTES - len(ending.encode())].decode(errors="ignore")
        text = stem + ending
    if not text:
        raise UploadError("The uploaded file has no usable name.", "Rename it and try again.")
    return text


def check_upload(name: str, size: int, *, limit: int = MAX_UPLOAD_BYTES) -> str:
    """The safe name of an upload of ``size`` bytes.

    Raises
    ------
    OversizedFileError
        More bytes than ``limit``.
    UploadError
        Empty file, or no usable name.
    """
    safe = safe_name(name)
    if size > limit:
        raise OversizedFileError(
            f"{safe} has {size / 2**20:.0f} MB; uploads are limited to {limit / 2**20:.0f} MB.",
            "Open it by its path on this computer instead.",
        )
    if size <= 0:
        raise UploadError(f"{safe} is empty.", "Choose another file.")
    return safe


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass
class _Client:
    request: web.Request
    browser: str
    """Cookie value of the browser; empty for other programs."""


class _Doorman(LinkProtocol):
    """Checks the key at the WebSocket's hello and lets one browser in at a time."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key.encode()
        self._browsers: set[str] = set()
        self._clients: dict[str, _Client] = {}
        self._seat: str | None = None
        self._closing: set[asyncio.Task] = set()
        self.ws_server: Any = None

    def is_key(self, given: object) -> bool:
        return isinstance(given, str) and hmac.compare_digest(given.encode(errors="replace"), self._key)

    @property
    def cookie_name(self) -> str:
        return f"virtualbiopsy_{self.ws_server.get_port()}"  # cookies are shared among the ports of a host

    def browser(self, request: web.Request) -> str:
        """The browser's own mark, empty if it has none from this start."""
        mark = request.cookies.get(self.cookie_name, "")
        return mark if mark in self._browsers else ""

    def new_browser(self) -> str:
        mark = secrets.token_urlsafe(32)
        self._browsers.add(mark)
        return mark

    def is_taken_for(self, browser: str) -> bool:
        """Is another browser (or program) connected?"""
        holder = self._clients.get(self._seat) if self._seat else None
        if holder is None or holder.request.transport is None or holder.request.transport.is_closing():
            return False
        return not browser or holder.browser != browser

    # wslink's hooks

    def onConnect(self, request: web.Request, client_id: str) -> None:
        self._clients[client_id] = _Client(request, self.browser(request))
        asyncio.get_running_loop().call_later(SECONDS_TO_SIGN_IN, self._drop_stranger, client_id)

    async def validateToken(self, token: object, client_id: str) -> bool:
        client = self._clients.get(client_id)
        if client is None:
            return False
        if not self.is_key(token):
            logger.warning("Refused a connection: wrong key.")
            return False
        if self._seat != client_id:
            if self.is_taken_for(client.browser):
                logger.warning("Refused a connection: another browser is connected.")
                return False
            previous, self._seat = self._seat, client_id
            if previous in self._clients:
                self._close(previous)
        asyncio.get_running_loop().call_soon(self._limit_messages, client_id)
        return True

    def onClose(self, client_id: str) -> None:
        self._clients.pop(client_id, None)
        if self._seat == client_id:
            self._seat = None

    def _handlers(self, client_id: str) -> list[Any]:
        handlers = getattr(self.ws_server, "_ws_handlers", ())
        return [h for h in handlers if client_id in h.connections]

    def _limit_messages(self, client_id: str) -> None:
        for handler in self._handlers(client_id):  # wslink allows 4 GiB after the hello
            handler.unchunkers[client_id].set_max_message_size(MAX_UPLOAD_BYTES + 2**20)

    def _drop_stranger(self, client_id: str) -> None:
        if client_id in self._clients and client_id != self._seat:
            self._close(client_id)

    def _close(self, client_id: str) -> None:
        for handler in self._handlers(client_id):
            handler.authentified_client_ids.discard(client_id)
            task = asyncio.ensure_future(
                handler.connections[client_id].close(code=4001, message=b"Opened elsewhere")
            )
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def _guard(ws_server: Any, doorman: _Doorman, allowed_hosts: tuple[str, ...]) -> Any:
    def hosts() -> set[str]:
        port = ws_server.get_port()
        loopback = ("127.0.0.1", "localhost", "[::1]")
        bare = set(loopback) if port == 80 else set()
        return {f"{h}:{port}" for h in loopback} | bare | {h.lower() for h in allowed_hosts}

    def decide(request: web.Request) -> web.StreamResponse | None:
        allowed, page = hosts(), request.path in _PAGES
        if request.headers.get("Host", "").lower() not in allowed:
            logger.warning("Refused a request: foreign Host.")
            return _page(403, "Not this address", "Open the address that was printed at the start.")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc.lower() not in allowed:
            logger.warning("Refused a request: foreign Origin.")
            return _page(403, "Refused", "Another web page asked for this one.")
        if request.method not in ("GET", "HEAD"):
            return _page(405, "Refused", "This server only answers GET.")
        parts = re.split(r"[/\\]", request.path)
        if ".." in parts or "\\" in request.path or "\0" in request.path:
            return _page(404, "Not found", "There is no such page.")
        browser = doorman.browser(request)
        upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
        given = request.query.get("secret")
        if page and not upgrade and given is not None and not doorman.is_key(given):
            logger.warning("Refused a page: wrong key.")
            return _page(
                403,
                "The key of this address is not valid",
                "Every start of VirtualBiopsy has a new key. Open the address that it printed last.",
            )
        if not upgrade and not browser and not (page and given is not None):
            return _page(
                403,
                "This address lacks its key",
                "Open the whole address that VirtualBiopsy printed at the start (with ?secret=…).",
            )
        if (upgrade or page) and doorman.is_taken_for(browser):
            logger.warning("Refused a second browser.")
            return _page(
                409,
                "VirtualBiopsy is open in another browser",
                "It serves one browser at a time. Close it there, then reload this page.",
            )
        return None

    @web.middleware
    async def guard(request: web.Request, handler: Any) -> web.StreamResponse:
        nonce = secrets.token_urlsafe(16)
        refusal = decide(request)
        if refusal is not None:
            response: web.StreamResponse = refusal
        elif request.path == "/index.html" and (text := _index(ws_server, nonce)) is not None:
            response = web.Response(text=text, content_type="text/html")
        else:
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = error
        if isinstance(response, web.WebSocketResponse):
            return response
        if refusal is None and not doorman.browser(request):
            response.set_cookie(
                doorman.cookie_name, doorman.new_browser(), path="/", httponly=True, samesite="Strict"
            )
        response.headers.update(_headers(request.headers.get("Host", ""), nonce, refusal is None))
        if isinstance(response, web.HTTPException):
            raise response
        return response

    return guard


def _headers(host: str, nonce: str, allowed: bool) -> dict[str, str]:
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    if allowed:
        policy = (
            "default-src 'self'; "
            f"script-src 'self' 'unsafe-eval' 'nonce-{nonce}'; "  # Vue compiles the templates in the browser
            "style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; font-src 'self' data:; "
            "media-src 'self' blob:; worker-src 'self' blob:; "
            f"connect-src 'self' blob: ws://{host} wss://{host}; "
            "object-src 'none'; base-uri 'self'; form-action 'none'"
        )
    return {
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def _index(ws_server: Any, nonce: str) -> str | None:
    root = ws_server.config.get("static", {}).get("/")
    if not root or not (Path(root) / "index.html").is_file():
        return None
    text = (Path(root) / "index.html").read_text(encoding="utf-8")
    waiting = Path(root) / "loading.tpl"
    if waiting.is_file():
        # The page would fetch this while it starts, and write it over the application if that is faster.
        text = re.sub(r"<script>\s*fetch\(.\./loading\.tpl.*?</script>", "", text, flags=re.DOTALL)
        notice = waiting.read_text(encoding="utf-8")
        text = text.replace('<div id="app"></div>', f'<div id="app">{notice}</div>')
    text = text.replace("<head>", f"<head><script>{_KEEP_KEY}</script>", 1)
    return text.replace("<script", f'<script nonce="{nonce}"')


def _page(status: int, title: str, advice: str) -> web.Response:
    body = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>VirtualBiopsy</title>'
        f'<body style="font:16px sans-serif;max-width:40em;margin:4em auto">'
        f"<h1>{title}</h1><p>{advice}</p></body></html>"
    )
    return web.Response(status=status, text=body, content_type="text/html")
