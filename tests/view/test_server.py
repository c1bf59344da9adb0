"""The viewer's server: on loopback, for the person who started it, and nothing but reading."""

import http.client
import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Outcome, spawn

from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.run import open_run
from skillfactory_core.view.server import HOST, Server


@pytest.fixture
def server(finished: Path) -> Iterator[Server]:
    with Server(open_run(finished), 0) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body); `Host` is what a browser would send, unless another is given."""
    connection = http.client.HTTPConnection(HOST, server.server_address[1], timeout=30)
    try:
        connection.request(method, path, headers=headers)
        reply = connection.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read()
    finally:
        connection.close()


def test_it_listens_on_loopback_alone(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.address == f"http://127.0.0.1:{server.server_address[1]}/"


@pytest.mark.parametrize("path", ["/", "/api/run", "/api/list?kind=attempts", "/api/record?kind=attempts&at=0.0.0"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:80", ""])
def test_a_page_of_somebody_else_is_turned_away(server: Server, path: str, host: str) -> None:
    status, _, body = ask(server, path, Host=host)
    assert status == 403 and b"countdown" not in body


def test_localhost_is_a_name_of_it(server: Server) -> None:
    assert ask(server, "/", Host=f"localhost:{server.server_address[1]}")[0] == 200


@pytest.mark.parametrize("path", ["/", "/style.css", "/browser.css", "/browser.js", "/served.js"])
def test_the_page_and_its_files_are_there_and_load_nothing_from_elsewhere(server: Server, path: str) -> None:
    status, headers, body = ask(server, path)
    assert status == 200 and body
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"
    assert b"http://" not in body and b"https://" not in body


@pytest.mark.parametrize(
    "path", ["/../config.toml", "/%2e%2e/config.toml", "/config.toml", "/etc/passwd", "/api/", "/api"]
)
def test_no_file_of_the_machine_is_served(server: Server, path: str) -> None:
    status, _, body = ask(server, path)
    assert status == 404 and json.loads(body)["error"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_changed(server: Server, method: str) -> None:
    assert ask(server, "/api/run", method)[0] == 501


def test_a_head_request_has_no_body(server: Server) -> None:
    status, headers, body = ask(server, "/", "HEAD")
    assert status == 200 and int(headers["Content-Length"]) > 0 and body == b""


@pytest.mark.parametrize(
    "path",
    [
        "/api/list",
        "/api/list?kind=x",
        "/api/list?kind=attempts&from=zzz",
        "/api/record",
        "/api/record?kind=attempts&at=1.1.1",
    ],
)
def test_a_wrong_question_is_answered_in_one_line(server: Server, path: str) -> None:
    status, headers, body = ask(server, path)
    assert status == 400 and headers["Content-Type"].startswith("application/json")
    assert "\n" not in json.loads(body)["error"]


def test_a_damaged_part_is_named_and_ends_nothing(copied: Path) -> None:
    run = open_run(copied)
    with Server(run, 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        path = run.attempts.part(0)
        path.write_bytes(path.read_bytes()[:100])
        status, _, body = ask(server, "/api/list?kind=attempts")
        assert status == 400 and "is damaged" in json.loads(body)["error"]
        assert ask(server, "/api/list?kind=traces")[0] == 200
        server.shutdown()


def test_many_ask_at_once(server: Server) -> None:
    found: list[Any] = []

    def one() -> None:
        found.append(json.loads(ask(server, "/api/list?kind=attempts")[2])["rows"])

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12 and all(rows == found[0] and rows for rows in found)


def test_a_port_that_is_taken_is_named(finished: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SkillFactoryError, match=f"port {port} of 127.0.0.1 cannot be taken"):
            Server(open_run(finished), port)


def test_sf_view_says_where_it_is_and_ends_with_ctrl_c(finished: Path) -> None:
    process = spawn(["view", finished, "--no-open", "--port", "0"])
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("view: http://127.0.0.1:") and line.endswith("/ (Ctrl-C ends it)\n")
    port = int(line.split(":")[3].split("/")[0])
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    connection.request("GET", "/api/run")
    assert json.loads(connection.getresponse().read())["name"] == "it"
    connection.close()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "view: ended\n", "")


def test_a_folder_that_is_no_run_is_refused(sf: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = sf("view", tmp_path, "--no-open")
    assert outcome.code == 2 and "is not a run folder" in outcome.err
