"""A headless Chromium for the tests of pages: opened, asked and looked at over its DevTools pipe. Without one, they are skipped.

python tests/chromium.py URL PICTURE.png [WIDTH] [dark]
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
needs_chromium = pytest.mark.skipif(
    not PROGRAM and not os.environ.get("SKILLFACTORY_BROWSER"), reason="there is no chromium: make test-browser"
)
"`make test-browser` sets SKILLFACTORY_BROWSER: then nothing may be skipped"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe"),
)
PATIENCE = 30.0
"seconds that a page may take for anything"


@attrs.define
class Page:
    """One page, and all that it complained about or asked for."""

    reads: int
    writes: int
    width: int
    session: str = ""
    number: int = 0
    rest: bytes = b""
    complaints: list[str] = attrs.field(factory=list)
    "console errors, exceptions and what the security policy refused"
    requests: list[str] = attrs.field(factory=list)
    loaded: int = 0

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the DevTools protocol; events that come meanwhile are noted."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        os.write(
            self.writes, json.dumps(message | ({"sessionId": self.session} if self.session else {})).encode() + b"\0"
        )
        for reply in self.replies():
            if reply.get("id") == self.number:
                assert "error" not in reply, f"{method}: {reply['error']}"
                result: dict[str, Any] = reply["result"]
                return result
            self.note(reply)
        raise AssertionError(f"chromium went away during {method}")

    def replies(self) -> Iterator[dict[str, Any]]:
        while True:
            while b"\0" not in self.rest:
                more = os.read(self.reads, 1 << 20)
                if not more:
                    return
                self.rest += more
            line, _, self.rest = self.rest.partition(b"\0")
            yield json.loads(line)

    def note(self, event: Mapping[str, Any]) -> None:
        name, params = event.get("method"), event.get("params", {})
        if name == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"].get("exception", params["exceptionDetails"])))
        elif name == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(params["args"]))
        elif name == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif name == "Page.javascriptDialogOpening":
            self.complaints.append(f"dialog: {params['message']}")
        elif name == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif name == "Page.loadEventFired":
            self.loaded += 1

    def open(self, url: str) -> float:
        """Go there; returns the seconds until the page is loaded and its scripts have run."""
        before, start = self.loaded, time.monotonic()
        self.ask("Page.navigate", url=url)
        while self.loaded == before:
            assert time.monotonic() - start < PATIENCE, f"{url} does not load"
            self.ask("Runtime.evaluate", expression="1")
        return time.monotonic() - start

    def run(self, script: str) -> Any:
        """The value of a script in the page; promises are awaited."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str) -> None:
        """Until a script is true: an element is there, a text says this."""
        start = time.monotonic()
        # What it asks about may not be there yet.
        while not self.run(f"(() => {{ try {{ return !!({script}); }} catch {{ return false; }} }})()"):
            assert time.monotonic() - start < PATIENCE, f"never true: {script}\n{self.complaints}"
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """A key of the keyboard, for real."""
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        text = {"Enter": "\r", " ": " "}.get(key, "")
        common = {"key": key, "windowsVirtualKeyCode": codes[key], "nativeVirtualKeyCode": codes[key]}
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **common)

    def picture(self, path: Path, whole: bool = True) -> None:
        """What the page looks like."""
        made = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(made["data"]))

    @contextmanager
    def quiet(self, *allowed: str) -> Iterator[None]:
        """Meanwhile it complains about nothing, and asks for nothing but addresses that begin so."""
        self.complaints.clear()
        self.requests.clear()
        self.resize(1200)
        yield
        assert self.complaints == []
        assert all(url.startswith(allowed) for url in self.requests)

    def resize(self, width: int, height: int = 900, phone: bool = False) -> None:
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def sideways(self) -> bool:
        """Whether the page has to be scrolled sideways."""
        return bool(self.run("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@contextmanager
def opened(width: int = 1200, dark: bool = False) -> Iterator[Page]:
    """A browser with an empty page, which ends with this block."""
    assert PROGRAM, "chromium is missing"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        to_browser, writes = os.pipe()
        reads, from_browser = os.pipe()

        def wire() -> None:
            # Chromium reads commands at 3 and writes replies at 4; these two may be in the way of each other.
            first, second = os.dup(to_browser), os.dup(from_browser)
            os.dup2(first, 3)
            os.dup2(second, 4)

        command = [PROGRAM, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, close_fds=False, preexec_fn=wire, start_new_session=True, **quiet)
        os.close(to_browser)
        os.close(from_browser)
        page = Page(reads, writes, width)
        try:
            target = page.ask("Target.createTarget", url="about:blank")["targetId"]
            page.session = page.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                page.ask(f"{domain}.enable")
            page.resize(width, phone=width < 600)
            scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            page.ask("Emulation.setEmulatedMedia", features=[scheme])
            yield page
        finally:
            os.close(writes)
            os.close(reads)
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


if __name__ == "__main__":
    url, picture, *more = sys.argv[1:]
    with opened(int(next((one for one in more if one.isdigit()), "1200")), "dark" in more) as shown:
        print(f"{shown.open(url):.2f} s, sideways: {shown.sideways()}, complaints: {shown.complaints}")
        shown.picture(Path(picture))
