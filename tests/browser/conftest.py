"""A real Chromium before the real application, on loopback."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]

_WITHOUT_JAVASCRIPT: WeakSet[BrowserContext] = WeakSet()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium, and with CI=true no part may be absent")
        pytest.skip("no Chromium here (on Debian: apt-get install chromium)")
    loopback_only = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=[loopback_only])
        yield started
        started.close()


class LiveServer:
    """The application behind a threaded HTTP server; `url` is also its CXLOOP_BASE_URL."""

    def __init__(self) -> None:
        self._server = make_server("127.0.0.1", 0, _not_yet, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="live-server", daemon=True)

    def serve(self, app: Any) -> None:
        self._server.app = app
        self._thread.start()

    def close(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def _not_yet(environ: Any, start_response: Any) -> list[bytes]:
    raise RuntimeError("serve() comes first")


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """A test's output is not a place for an access log."""


@pytest.fixture
def live_server() -> Iterator[LiveServer]:
    server = LiveServer()
    yield server
    server.close()


@pytest.fixture
def live_app(live_server: LiveServer, make_app: Callable[..., Any]) -> Any:
    """The application of this test, served; `live_app.config["BASE_URL"]` is where. It has its own settings, so a
    test that uses it builds its data in `with live_app.app_context():`."""
    app = make_app(BASE_URL=live_server.url)
    live_server.serve(app)
    return app


@pytest.fixture
def new_context(browser: Browser, live_server: LiveServer) -> Iterator[Callable[..., BrowserContext]]:
    """`new_context(dark=True, width=320, javascript=False)`: a browser without a memory. Two of them are two people."""
    contexts: list[BrowserContext] = []

    def make(*, dark: bool = False, width: int = 1280, height: int = 800, javascript: bool = True) -> BrowserContext:
        context = browser.new_context(
            base_url=live_server.url,
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": height},
            java_script_enabled=javascript,
            reduced_motion="reduce",
        )
        context.set_default_timeout(10_000)
        if not javascript:
            _WITHOUT_JAVASCRIPT.add(context)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_context: Callable[..., BrowserContext]) -> Page:
    """A page of 1280 by 800 in the light colours; `new_context(…).new_page()` makes any other."""
    return new_context().new_page()


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """`assert axe(page) == []`: what axe-core finds wrong, one line for each element."""
    source = AXE.read_text(encoding="utf-8")

    def check(page: Page) -> list[str]:
        assert page.context not in _WITHOUT_JAVASCRIPT, "axe is JavaScript: it would never answer"
        page.evaluate(source + ";0")  # the debugger's door: the page's own policy forbids such a script, as it should
        found = page.evaluate("rules => axe.run(document, {runOnly: rules})", WCAG_22_AA)
        return [
            f"{violation['id']}: {node['target']} {node['failureSummary']!r}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]

    return check


@pytest.fixture(scope="session")
def sideways() -> Callable[[Page], int]:
    """`assert sideways(page) == 0`: by how many pixels a page is wider than its window."""

    def measure(page: Page) -> int:
        width: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return max(width, 0)

    return measure
