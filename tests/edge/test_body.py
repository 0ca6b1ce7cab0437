"""Bodies read from gunicorn's socket, by a real gunicorn: every byte once, and the next request where it begins."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from app.edge.body import open_body
from app.upload.receive import CHUNK_BYTES


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Gunicorn, as `postcard web` runs it, with the program beside."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.listen(32)
        words = ["--worker-class", "gthread", "--threads", "4", "--keep-alive", "5", "--log-level", "error"]
        with subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gunicorn",
                *words,
                "--bind",
                f"fd://{listener.fileno()}",
                "tests.edge.body_app:app",
            ],
            pass_fds=[listener.fileno()],
            cwd=Path(__file__).parents[2],
        ) as process:
            yield listener.getsockname()[1]
            process.terminate()


@pytest.fixture
def connection(port: int) -> Iterator[HTTPConnection]:
    """One kept connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as opened:
        kept = HTTPConnection("127.0.0.1", port)
        kept.sock = opened
        yield kept


def told(answer: HTTPResponse) -> dict[str, Any]:
    """Read an answer."""
    assert answer.status == 200
    found: dict[str, Any] = json.loads(answer.read())
    return found


def head(path: str, length: int) -> bytes:
    """Write the head of a request by hand."""
    return f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()


def read_answers(opened: socket.socket, count: int) -> list[dict[str, Any]]:
    """Read as many answers from one connection, whatever came together."""
    with opened.makefile("rb") as stream:
        found = []
        for _ in range(count):
            length = 0
            while (line := stream.readline()) not in {b"\r\n", b""}:
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            found.append(json.loads(stream.read(length)))
        return found


@pytest.mark.parametrize("length", [1, 9, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5_000_003])
def test_every_byte_is_read_once_and_the_connection_is_kept(connection: HTTPConnection, length: int) -> None:
    body = os.urandom(length)
    for _ in range(3):
        connection.request("POST", "/", body=body)
        answer = told(connection.getresponse())
        assert answer == {
            "by": "SocketBody",
            "bytes": length,
            "sha256": hashlib.sha256(body).hexdigest(),
            "failed": "",
        }


def test_requests_that_come_in_one_packet_are_told_apart(port: int) -> None:
    bodies = [b"a" * 5, b"", b"b" * 700, b"c" * 3]
    with socket.create_connection(("127.0.0.1", port), timeout=60) as opened:
        opened.sendall(b"".join(head("/", len(body)) + body for body in bodies))
        answers = read_answers(opened, len(bodies))
    assert [each["sha256"] for each in answers] == [hashlib.sha256(body).hexdigest() for body in bodies]


def test_what_is_left_unread_is_not_taken_for_the_next_request(port: int) -> None:
    rest = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    body = b"0123456789" + rest * 100
    with socket.create_connection(("127.0.0.1", port), timeout=60) as opened:
        opened.sendall(head("/part", len(body)) + body + head("/", 4) + b"next")
        first, second = read_answers(opened, 2)
    assert first["bytes"] == 10
    assert second["sha256"] == hashlib.sha256(b"next").hexdigest()


def test_a_chunked_body_is_read_as_gunicorn_gives_it(connection: HTTPConnection) -> None:
    pieces = [os.urandom(300_000), b"x", os.urandom(70_000)]
    for _ in range(2):
        connection.request(
            "POST", "/", body=iter(pieces), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
        )
        answer = told(connection.getresponse())
        assert answer["by"] == "Body"
        assert answer["sha256"] == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_a_client_that_ends_early_is_seen_to_have_ended(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as opened:
        opened.sendall(head("/", 1000) + b"a" * 400)
        opened.shutdown(socket.SHUT_WR)
        (answer,) = read_answers(opened, 1)
        assert answer["bytes"] == 400
        assert opened.recv(1) == b""


def test_a_silent_client_is_given_up_and_its_connection_is_not_used_again(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as opened:
        opened.sendall(head("/silent", 1000) + b"a" * 400)
        (answer,) = read_answers(opened, 1)
        assert (answer["bytes"], answer["failed"]) == (400, "TimeoutError")
        with suppress(ConnectionResetError, BrokenPipeError):  # it is closed already
            opened.sendall(b"a" * 600 + head("/", 4) + b"next")
            assert opened.recv(1) == b""


def test_any_other_stream_is_left_as_it_is() -> None:
    class Stream:
        def read(self, size: int, /) -> bytes:
            return b"x" * size

    stream = Stream()
    assert open_body(stream) is stream
