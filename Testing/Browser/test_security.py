"""Attacks on a guarded server over real sockets, and two real browsers."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

aiohttp = pytest.importorskip("aiohttp", reason="the browser application is not installed")
pytest.importorskip("trame", reason="the browser application is not installed")
import msgpack  # noqa: E402
from browser_support import Application, end  # noqa: E402
from virtualbiopsy.errors import OversizedFileError  # noqa: E402
from virtualbiopsy.web import preflight, secure  # noqa: E402
from wslink.chunking import UnChunker, generate_chunks  # noqa: E402

pytestmark = pytest.mark.browser

APP = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
from trame.app import get_server
from trame.ui.html import DivLayout
from trame.widgets import html
from virtualbiopsy.web.secure import harden
server = get_server(client_type="vue3")
server.state.patient = "simulated patient"
server.state.count = 0
server.state.trame__favicon = "data:,"
host, port = sys.argv[1], int(sys.argv[2])
sys.argv[1:] = sys.argv[3:]
from virtualbiopsy.web import secure
secure.SECONDS_TO_SIGN_IN = 3.0
security = harden(server, port, host)
server.controller.on_server_ready.add(lambda **_: print("URL", security.url, flush=True))
server.serve["shared"] = str(__import__("pathlib").Path(__file__).parent / "shared")
with DivLayout(server):
    html.Div("{{ patient }} {{ count }}", id="patient")
    html.Button("more", id="more", click="count += 1")
server.start(port=port, host=host, open_browser=False, show_connection_info=False, timeout=0)
"""


class App:
    """A guarded application in its own process."""

    def __init__(self, folder: Path, *arguments: str, host: str = "127.0.0.1", port: int = 0) -> None:
        (folder / "shared").mkdir(exist_ok=True)
        (folder / "shared" / "note.txt").write_text("shared note")
        (folder / "outside.txt").write_text("not for the web")
        (folder / "app.py").write_text(APP)
        self.log = folder / "log.txt"
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TRAME", "WSLINK"))}
        package = str(Path(secure.__file__).parents[2])
        environment["PYTHONPATH"] = os.pathsep.join([package, environment.get("PYTHONPATH", "")])
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(folder / "app.py"), host, str(port), *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
            )
        self.url = ""
        for line in self.process.stdout:
            if "URL http" in line:
                self.url = line[line.index("http") :].strip()
                break
        parts = urlsplit(self.url)
        self.base = f"{parts.scheme}://{parts.netloc}"
        self.port = parts.port
        self.key = parts.query.removeprefix("secret=")

    def stop(self) -> str:
        """End it; returns its log."""
        end(self.process)
        self.process.stdout.close()
        return self.log.read_text()


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    running = App(tmp_path_factory.mktemp("guarded"))
    assert running.url, running.stop()
    yield running
    running.stop()


def run(coroutine):
    """Run it in a thread of its own: Playwright keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


async def say(ws, identity: str, method: str, *arguments):
    for chunk in generate_chunks(
        msgpack.packb(
            {"wslink": "1.0", "id": identity, "method": method, "args": [*arguments], "kwargs": {}}
        ),
        0,
    ):
        await ws.send_bytes(chunk)


async def hear(ws, identity: str, timeout: float = 10.0):
    """The answer to a call; None if the socket is closed before it."""
    chunks = UnChunker()
    chunks.set_max_message_size(2**30)
    async with asyncio.timeout(timeout):
        while True:
            message = await ws.receive()
            if message.type != aiohttp.WSMsgType.BINARY:
                return None
            answer = chunks.process_chunk(message.data)
            if answer is not None and answer.get("id") == identity:
                return answer


async def hello(ws, key):
    await say(ws, "system:c0:0", "wslink.hello", {"secret": key})
    return await hear(ws, "system:c0:0")


async def state(ws):
    await say(ws, "rpc:c:1", "trame.state.get")
    return await hear(ws, "rpc:c:1")


@asynccontextmanager
async def connected(app, *, headers=None, cookies=None):
    async with (
        aiohttp.ClientSession(cookies=cookies, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
        session.ws_connect(f"{app.base}/ws", headers=headers) as ws,
    ):
        yield ws


async def get(app, path, *, headers=None, cookies=None, method="GET"):
    """Status, headers, text and cookies of one request, redirects not followed."""
    async with aiohttp.ClientSession(cookies=cookies, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        answer = await session.request(method, f"{app.base}{path}", headers=headers, allow_redirects=False)
        marks = {name: morsel.value for name, morsel in answer.cookies.items()}
        return answer.status, answer.headers, await answer.text(), marks


async def sign_in(app):
    """The cookies of a browser that opened the page with its key."""
    status, _, _, marks = await get(app, f"/index.html?secret={app.key}")
    assert status == 200
    return marks


def raw(app, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as link:
        link.sendall(request)
        answer = b""
        while piece := link.recv(65536):
            answer += piece
    return answer


# The key ---------------------------------------------------------------------------------------------


def test_key_is_long_and_new_for_each_start(app, tmp_path):
    other = App(tmp_path)
    try:
        assert len(app.key) >= 43 and app.key != other.key
        assert "wslink-secret" not in app.url
    finally:
        other.stop()


def test_right_key_without_origin_gets_the_state(app):
    async def go():
        async with connected(app) as ws:
            assert "clientID" in (await hello(ws, app.key))["result"]
            assert (await state(ws))["result"]["state"]["patient"] == "simulated patient"

    run(go())


@pytest.mark.parametrize("key", ["wslink-secret", "", "x" * 43, "ключ", 5, None])
def test_wrong_key_gets_nothing(app, key):
    async def go():
        async with connected(app) as ws:
            answer = await hello(ws, key)
            assert "result" not in answer and "Authentication" in answer["error"]["message"]
            answer = await state(ws)
            assert "result" not in answer and "simulated patient" not in str(answer)

    run(go())


def test_missing_key_gets_nothing(app):
    async def go():
        async with connected(app) as ws:
            answer = await state(ws)
            assert "result" not in answer and "simulated patient" not in str(answer)
        for path in ("/", "/index.html", "/index.html?secret=", "/index.html?secret=wslink-secret"):
            status, headers, text, marks = await get(app, path)
            assert status == 403 and not marks and "<script" not in text, path
            assert "printed" in text and "Content-Security-Policy" in headers

    run(go())


def test_files_are_only_for_a_signed_in_browser(app):
    async def go():
        for path in ("/shared/note.txt", "/vue.global.js"):
            assert (await get(app, path))[0] == 403
            status, _, text, _ = await get(app, path, cookies=await sign_in(app))
            assert status == 200 and text
        forged = dict.fromkeys(await sign_in(app), "x" * 43)
        assert (await get(app, "/shared/note.txt", cookies=forged))[0] == 403

    run(go())


def test_cookie_does_not_replace_the_key(app):
    async def go():
        async with connected(app, cookies=await sign_in(app)) as ws:
            assert "result" not in await hello(ws, "wslink-secret")

    run(go())


# Where requests come from ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.example", "file://", "x"],
)
def test_foreign_origin_is_refused(app, origin):
    async def go():
        headers = {"Origin": origin}
        assert (await get(app, f"/index.html?secret={app.key}", headers=headers))[0] == 403
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            async with connected(app, headers=headers, cookies=await sign_in(app)):
                pass
        assert refusal.value.status == 403

    run(go())


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", ""])
def test_foreign_host_is_refused(app, host):
    async def go():
        headers = {"Host": host.format(port=app.port)}
        assert (await get(app, f"/index.html?secret={app.key}", headers=headers))[0] == 403
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            async with connected(app, headers=headers):
                pass
        assert refusal.value.status == 403

    run(go())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_own_names_are_allowed(app, host):
    async def go():
        name = f"{host}:{app.port}"
        headers = {"Host": name, "Origin": f"http://{name}"}
        assert (await get(app, f"/index.html?secret={app.key}", headers=headers))[0] == 200
        async with connected(app, headers=headers) as ws:
            assert "result" in await hello(ws, app.key)

    run(go())


def test_only_get_is_answered(app):
    async def go():
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            status, headers, _, _ = await get(app, f"/?secret={app.key}", method=method)
            assert status == 405 and "Access-Control-Allow-Origin" not in headers

    run(go())


def test_headers(app):
    async def go():
        for path, cookies in (
            (f"/?secret={app.key}", None),
            (f"/index.html?secret={app.key}", None),
            ("/vue.global.js", await sign_in(app)),
            ("/nothing.txt", await sign_in(app)),
            ("/", None),
        ):
            _, headers, _, _ = await get(app, path, cookies=cookies)
            assert headers["X-Content-Type-Options"] == "nosniff", path
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["Cache-Control"] == "no-store"
            assert headers["X-Frame-Options"] == "DENY"
            policy = headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy
            scripts = next((p for p in policy.split("; ") if p.startswith("script-src")), "")
            assert "unsafe-inline" not in scripts and "http" not in scripts
        status, headers, _, _ = await get(app, f"/?secret={app.key}")
        cookie = headers["Set-Cookie"]
        assert status == 302 and "HttpOnly" in cookie and "SameSite=Strict" in cookie
        assert app.key not in cookie

    run(go())


@pytest.mark.parametrize(
    "path",
    [
        "/../outside.txt",
        "/shared/../outside.txt",
        "/shared/%2e%2e/outside.txt",
        "/shared/..%2foutside.txt",
        "/shared/..%5coutside.txt",
        "/shared/%2e%2e%2foutside.txt",
        "/shared/%252e%252e/outside.txt",
        "/shared//../../../../../../etc/passwd",
        "/shared/%00/../outside.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/shared/",
    ],
)
def test_no_way_out_of_the_served_folder(app, path):
    cookies = run(sign_in(app))
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    line = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{app.port}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    )
    answer = raw(app, line.encode())
    assert answer.split()[1] in (b"400", b"403", b"404"), answer[:200]
    if ".." in unquote(path):
        assert b"There is no such page" in answer
    assert b"not for the web" not in answer and b"root:" not in answer and b"note.txt" not in answer


def test_link_out_of_the_served_folder_is_not_followed(app):
    link = app.log.parent / "shared" / "link.txt"
    link.symlink_to(app.log.parent / "outside.txt")
    try:
        cookies = run(sign_in(app))
        assert run(get(app, "/shared/link.txt", cookies=cookies))[0] in (403, 404)
    finally:
        link.unlink()


# One browser -------------------------------------------------------------------------------------------


def test_second_program_is_refused_until_the_first_leaves(app):
    async def go():
        async with connected(app, cookies=await sign_in(app)) as first:
            assert "result" in await hello(first, app.key)
            with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                async with connected(app):
                    pass
            assert refusal.value.status == 409
            status, _, text, marks = await get(app, f"/?secret={app.key}")
            assert status == 409 and "another browser" in text and not marks
            assert "result" in await state(first)
        async with connected(app) as second:
            assert "result" in await hello(second, app.key)

    run(go())


def test_of_two_that_wait_only_one_is_let_in(app):
    async def go():
        async with connected(app) as first, connected(app) as second:
            assert "result" in await hello(first, app.key)
            assert "result" not in await hello(second, app.key)
            assert "result" not in await state(second)
            assert "result" in await state(first)

    run(go())


def test_a_stranger_does_not_block_the_user(app):
    async def go():
        async with connected(app) as stranger:
            assert "result" not in await hello(stranger, "wslink-secret")
            async with connected(app, cookies=await sign_in(app)) as user:
                assert "result" in await hello(user, app.key)

    run(go())


def test_a_stranger_is_dropped_and_the_user_is_not(app):
    """The time to sign in is three seconds in this application."""

    async def go():
        async with connected(app) as user, connected(app) as stranger:
            assert "result" in await hello(user, app.key)
            async with asyncio.timeout(15):
                assert (await stranger.receive()).type == aiohttp.WSMsgType.CLOSE
            await asyncio.sleep(0.5)
            assert "result" in await state(user)

    run(go())


def test_same_browser_takes_over(app):
    async def go():
        marks = await sign_in(app)
        async with connected(app, cookies=marks) as old, connected(app, cookies=marks) as new:
            assert "result" in await hello(old, app.key)
            assert "result" in await hello(new, app.key)
            assert "result" in await state(new)
            async with asyncio.timeout(5):
                while (message := await old.receive()).type == aiohttp.WSMsgType.BINARY:
                    pass
            assert message.type == aiohttp.WSMsgType.CLOSE and message.data == 4001
            assert "result" in await state(new)

    run(go())


def test_huge_message_ends_the_connection_not_the_server(app):
    async def go():
        async with connected(app) as ws:
            assert "result" in await hello(ws, app.key)
            head = (7).to_bytes(4, "little") + bytes(4) + (2**32 - 1).to_bytes(4, "little")
            await ws.send_bytes(head + b"x")
            async with asyncio.timeout(10):
                while (await ws.receive()).type == aiohttp.WSMsgType.BINARY:
                    pass
        async with connected(app) as ws:
            assert "result" in await hello(ws, app.key)

    run(go())


# Starts that are refused, logs, options -------------------------------------------------------------------


def test_log_names_the_refusal_and_never_the_key(tmp_path):
    app = App(tmp_path)

    async def go():
        await get(app, f"/?secret={app.key}")
        await get(app, f"/index.html?secret={app.key}")
        await get(app, "/index.html?secret=guess-one")
        async with connected(app) as ws:
            await hello(ws, "guess-two")
            await hello(ws, app.key)

    try:
        run(go())
    finally:
        log = app.stop()
    assert "wrong key" in log
    assert app.key not in log and "guess-one" not in log and "guess-two" not in log


@pytest.mark.parametrize(
    "arguments", [("--host", "0.0.0.0"), ("--reverse-url", "ws://127.0.0.1:1/"), ("--host=192.0.2.1",)]
)
def test_command_line_cannot_open_it_to_the_network(tmp_path, arguments):
    app = App(tmp_path, *arguments)
    try:
        assert not app.url
        assert app.process.wait(20) != 0
    finally:
        log = app.stop()
    assert "InsecureServerError" in log


def test_command_line_key_does_not_replace_the_random_one(tmp_path):
    app = App(tmp_path, "--authKey", "chosen-by-someone")
    try:

        async def go():
            async with connected(app) as ws:
                assert "result" not in await hello(ws, "chosen-by-someone")
                assert "result" in await hello(ws, app.key)

        assert "chosen" not in app.url
        run(go())
    finally:
        app.stop()


def test_foreign_interface_is_refused():
    with pytest.raises(secure.InsecureServerError, match="loopback"):
        secure.harden(None, 8080, "0.0.0.0")
    with pytest.raises(secure.InsecureServerError):
        secure.harden(None, 8080, "viewer.example")


# Uploads -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("case.nii.gz", "case.nii.gz"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\Windows\\win.ini", "win.ini"),
        ("/abs/olute.nrrd", "olute.nrrd"),
        ("C:\\scan.nrrd", "scan.nrrd"),
        ("a\0b\n\x1b[31mc\u202egnp.nrrd", "ab[31mcgnp.nrrd"),
        (".bashrc", "bashrc"),
        ("name. . ", "name"),
        ("CON.nrrd", "_CON.nrrd"),
        ("stream.nrrd:hidden", "stream.nrrd_hidden"),
        ("größe ½.nii", "größe ½.nii"),
    ],
)
def test_safe_name(given, expected):
    assert secure.safe_name(given) == expected


@pytest.mark.parametrize("given", ["", ".", "..", "/", "a/", "...", "\0\n", "x/.."])
def test_names_of_nothing_are_refused(given):
    with pytest.raises(secure.UploadError):
        secure.safe_name(given)


def test_long_name_keeps_its_ending():
    name = secure.safe_name("ä" * 500 + ".nii.gz")
    assert name.endswith("ä.nii.gz") and len(name.encode()) <= secure.MAX_NAME_BYTES


def test_upload_size():
    assert secure.check_upload("../a.nrrd", 10) == "a.nrrd"
    with pytest.raises(OversizedFileError, match="512 MB"):
        secure.check_upload("a.nrrd", secure.MAX_UPLOAD_BYTES + 1)
    with pytest.raises(secure.UploadError, match="empty"):
        secure.check_upload("a.nrrd", 0)


# Browsers ----------------------------------------------------------------------------------------------


@pytest.fixture
def browsers(app, chromium):
    """A browser that no one else is in; each context of it is a browser of its own."""
    for _ in range(50):  # a closed page is noticed by the server a moment later
        if run(get(app, f"/?secret={app.key}"))[0] != 409:
            break
        time.sleep(0.1)
    yield chromium
    for context in chromium.contexts:
        context.close()


def open_page(browsers, url, context=None):
    page = (context or browsers.new_context()).new_page()
    page.complaints = []
    page.on("console", lambda m: m.type == "error" and page.complaints.append(m.text))
    page.on("pageerror", lambda e: page.complaints.append(str(e)))
    page.answer = page.goto(url)
    return page


def shows(page, text):
    page.wait_for_function(
        "t => document.querySelector('#patient')?.textContent.includes(t)", arg=text, timeout=15000
    )


def test_browser_works_reloads_and_hides_the_key(app, browsers):
    page = open_page(browsers, app.url)
    shows(page, "simulated patient 0")
    assert app.key not in page.url
    page.click("#more")
    shows(page, "simulated patient 1")
    for _ in range(3):
        page.reload()
        shows(page, "simulated patient 1")
        assert app.key not in page.url
    assert page.complaints == []
    page.click("#more")
    shows(page, "simulated patient 2")


def test_a_slow_notice_does_not_overwrite_the_application(app, browsers):
    """The client's own page fetches "Loading…" and writes it over whatever is there by then."""
    context = browsers.new_context()
    context.route("**/loading.tpl", lambda route: (time.sleep(1.5), route.continue_()))
    page = open_page(browsers, app.url, context)
    shows(page, "simulated patient")
    page.wait_for_timeout(2000)
    assert "simulated patient" in page.inner_text("body")


def test_second_browser_sees_a_page_that_says_why(app, browsers):
    first = open_page(browsers, app.url)
    shows(first, "simulated patient")
    second = open_page(browsers, app.url)
    assert second.answer.status == 409
    assert "another browser" in second.inner_text("body")
    assert "simulated patient" not in second.content()
    shows(first, "simulated patient")
    first.context.close()
    for _ in range(50):
        if second.goto(app.url).status == 200:
            break
        time.sleep(0.1)
    shows(second, "simulated patient")


def test_second_tab_takes_over_and_the_first_says_so(app, browsers):
    context = browsers.new_context()
    first = open_page(browsers, app.url, context)
    shows(first, "simulated patient")
    second = open_page(browsers, app.url, context)
    shows(second, "simulated patient")
    first.wait_for_function("() => document.body.innerText.includes('opened in another tab')", timeout=10000)
    assert "simulated patient" not in first.inner_text("body")
    first.reload()
    shows(first, "simulated patient")
    second.wait_for_function("() => document.body.innerText.includes('opened in another tab')", timeout=10000)


def test_address_without_key_says_what_to_do(app, browsers):
    page = open_page(browsers, app.base)
    assert page.answer.status == 403 and "printed" in page.inner_text("body")
    shows(open_page(browsers, app.url, page.context), "simulated patient")
    page.goto(app.base)
    page.wait_for_function("() => document.body.innerText.includes('printed')", timeout=10000)


def test_other_sites_page_cannot_use_frame_or_read_it(app, browsers, tmp_path):
    """A hostile page in the same browser, on another port of the same host, while the user is signed in."""
    context = browsers.new_context()
    shows(open_page(browsers, app.url, context), "simulated patient")
    hostile = f"""<!doctype html><iframe src="{app.base}/index.html?secret=x"></iframe>
    <script src="{app.base}/vue.global.js" onload="window.loaded=1"></script>
    <script>
      window.result = {{}};
      const ws = new WebSocket("ws://127.0.0.1:{app.port}/ws");
      ws.onopen = () => {{ window.result.ws = "open"; }};
      ws.onerror = () => {{ window.result.ws = "refused"; }};
      fetch("{app.base}/shared/note.txt", {{credentials: "include"}})
        .then((r) => r.text())
        .then((t) => {{ window.result.read = t; }}, () => {{ window.result.read = null; }});
    </script>"""
    (tmp_path / "index.html").write_text(hostile)
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        port = server.stdout.readline().split(" port ")[1].split()[0]
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_function("() => 'ws' in window.result && 'read' in window.result", timeout=10000)
        assert page.evaluate("() => window.result") == {"ws": "refused", "read": None}
        assert page.evaluate("() => window.loaded") is None
        frame = page.frames[1]
        assert "simulated patient" not in frame.content() and "VirtualBiopsy" not in frame.content()
    finally:
        server.terminate()
        server.wait(10)
        server.stdout.close()


def test_injected_inline_script_does_not_run(app, browsers):
    page = open_page(browsers, app.url)
    shows(page, "simulated patient")
    page.evaluate(
        """() => { const d = document.createElement('div');
        d.innerHTML = '<img src="x:" onerror="window.injected = 1">'; document.body.append(d);
        const s = document.createElement('script'); s.textContent = 'window.injected = 2';
        document.body.append(s); }"""
    )
    page.wait_for_timeout(300)
    assert page.evaluate("() => window.injected") is None


def test_link_cannot_send_the_browser_elsewhere(app, browsers):
    page = open_page(
        browsers, f"{app.url}&sessionURL=ws://127.0.0.1:1/ws&sessionManagerURL=http://127.0.0.1:1/"
    )
    shows(page, "simulated patient")
    assert "127.0.0.1:1/" not in page.url and page.complaints == []


# The application itself ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    available, why = preflight.opengl_available()
    if not available:
        pytest.skip(f"{why}; {preflight.install_hint('opengl')}")
    running = Application(log=tmp_path_factory.mktemp("application") / "log.txt")
    parts = urlsplit(running.url)
    running.base = f"{parts.scheme}://{parts.netloc}"
    running.key = parts.query.removeprefix("secret=")
    yield running
    running.stop()


def test_the_application_is_guarded(real):
    async def go():
        assert len(real.key) >= 43
        assert (await get(real, "/"))[0] == 403
        assert (await get(real, "/?secret=wslink-secret"))[0] == 403
        assert (await get(real, f"/?secret={real.key}", headers={"Host": "evil.example"}))[0] == 403
        async with connected(real) as ws:
            assert "result" not in await hello(ws, "wslink-secret")
            assert "result" not in await state(ws)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            async with connected(real, headers={"Origin": "http://evil.example"}):
                pass
        assert refusal.value.status == 403
        async with connected(real) as ws:
            assert "result" in await hello(ws, real.key)
            assert "result" in await state(ws)
            assert (await get(real, f"/?secret={real.key}"))[0] == 409

    run(go())


def test_the_application_works_under_the_policy(real, chromium):
    """Pictures arrive, before and after a reload, and the browser has nothing to complain about."""
    page = open_page(chromium, real.url)
    pictures = """() => { const all = [...document.querySelectorAll('img.image-display-area')];
        return all.length > 0 && all.every((e) => e.naturalWidth > 0); }"""
    try:
        for _ in range(2):
            page.wait_for_selector("#predict", timeout=60000)
            page.wait_for_function(pictures, timeout=60000)
            assert real.key not in page.url
            page.reload()
        assert page.complaints == []
    finally:
        page.context.close()
