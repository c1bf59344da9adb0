"""Server: the records of a run over loopback, to the browser of the person who started it. It reads, and changes nothing."""

import json
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from skillfactory_core import __version__
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.run import Run
from skillfactory_core.view.shelf import Shelf

HOST = "127.0.0.1"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"what a page from here may load: scripts, styles and records from here"
FILES = {
    "/": ("skillfactory_core.view", "page.html", "text/html"),
    "/style.css": ("skillfactory_core.report", "style.css", "text/css"),
    "/browser.css": ("skillfactory_core.report", "browser.css", "text/css"),
    "/browser.js": ("skillfactory_core.report", "browser.js", "text/javascript"),
    "/served.js": ("skillfactory_core.view", "served.js", "text/javascript"),
}


class Server(ThreadingHTTPServer):
    """Answers on loopback alone. Connections may be many; the tables are read for one at a time, so that memory stays flat."""

    daemon_threads = True

    def __init__(self, run: Run, port: int) -> None:
        try:
            super().__init__((HOST, port), Handler)
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise SkillFactoryError(
                f"port {port} of {HOST} cannot be taken ({reason}): choose another --port"
            ) from error
        self.shelf = Shelf(run)
        self.reading = Lock()
        number = self.server_address[1]
        self.names = {f"{name}:{number}" for name in (HOST, "localhost")}
        "what a browser that was sent here by its user asks for; a page of somebody else's name is turned away"

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = f"skillfactory/{__version__}"
    sys_version = ""
    timeout = 60

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if self.headers.get("Host") not in self.server.names:
            self.tell(HTTPStatus.FORBIDDEN, {"error": f"ask for {self.server.address}, by that name"})
        elif asked.path in FILES:
            package, name, kind = FILES[asked.path]
            self.send(HTTPStatus.OK, files(package).joinpath(name).read_bytes(), kind)
        else:
            answer = {"/api/run": self.run, "/api/list": self.list, "/api/record": self.record}.get(asked.path)
            self.answer(answer, dict(parse_qsl(asked.query)))

    do_HEAD = do_GET

    def answer(self, answer: Callable[[dict[str, str]], Any] | None, query: dict[str, str]) -> None:
        if answer is None:
            self.tell(HTTPStatus.NOT_FOUND, {"error": f"there is nothing at this address: go to {self.server.address}"})
            return
        try:
            with self.server.reading:
                found = answer(query)
        except SkillFactoryError as error:
            self.tell(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        except Exception as error:  # noqa: BLE001 - one record that cannot be shown must not end the viewer
            self.tell(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": f"{type(error).__name__}: {error}"})
        else:
            self.tell(HTTPStatus.OK, found)

    def run(self, query: dict[str, str]) -> Any:
        shelf = self.server.shelf
        config = shelf.run.config
        about = [config.task, config.model, f"method {config.method}", f"seed {config.seed}"]
        return {"name": shelf.run.folder.resolve().name, "about": about, "kinds": shelf.described()}

    def list(self, query: dict[str, str]) -> Any:
        kind, start = query.pop("kind", ""), query.pop("from", "")
        return self.server.shelf.page(kind, query, start)

    def record(self, query: dict[str, str]) -> Any:
        return self.server.shelf.record(query.get("kind", ""), query.get("key", ""), query.get("at", ""))

    def tell(self, status: HTTPStatus, what: Any) -> None:
        self.send(status, json.dumps(what).encode("ascii"), "application/json")

    def send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Content-Security-Policy", POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the terminal says where the viewer is, and no more."""
