"""What goes over the socket to a decoder and back: JSON, rebuilt by the type hints of the called function.

A decoder may have been taken over by the bytes that it read: its answer is data of known types, or refused.
"""

import importlib
import inspect
import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from app.errors import MediaDamaged, PostcardError

LONGEST_ANSWER_BYTES = 1 << 20
_LONGEST_DETAIL = 2_000
_LENGTH = struct.Struct("!I")


class DecoderDiedError(Exception):
    """The other end of the socket closed before a whole answer came."""


class AnswerMalformedError(Exception):
    """A decoder answered something that its function cannot have returned."""


def send_frame(sock: socket.socket, payload: bytes) -> None:
    """Send one frame. Raises OSError when the other end is gone."""
    sock.sendall(_LENGTH.pack(len(payload)) + payload)


def receive_frame(sock: socket.socket, *, deadline: float | None = None) -> bytes:
    """Receive one frame; past ``deadline`` (monotonic clock) TimeoutError, and DecoderDiedError when the other end closed.

    Raises:
        AnswerMalformedError: the frame is longer than any answer.
    """
    (length,) = _LENGTH.unpack(_receive_exactly(sock, _LENGTH.size, deadline))
    if length > LONGEST_ANSWER_BYTES:
        raise AnswerMalformedError(f"a frame of {length} bytes")
    return _receive_exactly(sock, length, deadline)


def _receive_exactly(sock: socket.socket, length: int, deadline: float | None) -> bytes:
    got = bytearray()
    while len(got) < length:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            sock.settimeout(left)
        try:
            piece = sock.recv(length - len(got))
        except ConnectionError as gone:
            raise DecoderDiedError from gone
        if not piece:
            raise DecoderDiedError
        got += piece
    return bytes(got)


@cache
def _adapters(
    call: Callable[..., Any],
) -> tuple[inspect.Signature, dict[str, TypeAdapter[Any]], TypeAdapter[Any]]:
    hints = get_type_hints(call)
    result = TypeAdapter(hints.pop("return"))
    return inspect.signature(call), {name: TypeAdapter(hint) for name, hint in hints.items()}, result


def encode_call(call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """Name a module-level function and its arguments; every parameter has a type hint."""
    signature, parameters, _ = _adapters(call)
    given = signature.bind(*args, **kwargs).arguments
    return json.dumps(
        {
            "call": f"{call.__module__}:{call.__qualname__}",
            "arguments": {name: parameters[name].dump_python(value, mode="json") for name, value in given.items()},
        }
    ).encode()


def decode_call(request: bytes) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Find the function and rebuild its arguments, in the decoder."""
    told = json.loads(request)
    module, _, name = told["call"].partition(":")
    call = getattr(importlib.import_module(module), name)
    parameters = _adapters(call)[1]
    # By way of JSON text: there a list may become a tuple and a string a path.
    return call, {key: parameters[key].validate_json(json.dumps(value)) for key, value in told["arguments"].items()}


def encode_result(call: Callable[..., Any], result: Any) -> bytes:
    """Write what a function returned, by its return hint."""
    return b'{"result":' + _adapters(call)[2].dump_json(result) + b"}"


def encode_error(error: PostcardError) -> bytes:
    """Write one of our errors."""
    return json.dumps({"slug": error.slug, "detail": error.detail, "facts": error.facts}, default=str).encode()


def encode_failure(kind: str, text: str) -> bytes:
    """Write an exception that is none of ours."""
    return json.dumps({"failure": kind, "text": text[-_LONGEST_DETAIL:]}).encode()


def _all_errors(root: type[PostcardError] = PostcardError) -> Iterator[type[PostcardError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from _all_errors(kind)


def _error_of(told: dict[str, Any]) -> PostcardError:
    kinds = {kind.slug: kind for kind in _all_errors()}
    facts = told.get("facts")
    return kinds.get(str(told["slug"]), MediaDamaged)(
        str(told.get("detail", ""))[:_LONGEST_DETAIL], **(facts if isinstance(facts, dict) else {})
    )


class CallFailedError(Exception):
    """The function raised none of our errors: ``kind`` is the class's name, ``text`` its traceback."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind)
        self.kind = kind
        self.text = text


def decode_answer(call: Callable[..., Any], answer: bytes) -> Any:
    """Rebuild what the function returned, or raise what it raised: one of our errors, or CallFailedError.

    Raises:
        AnswerMalformedError: the answer is not of the function's return type.
    """
    try:
        told = json.loads(answer)
        if "result" in told:
            return _adapters(call)[2].validate_json(json.dumps(told["result"]))
        raised: Exception = (
            _error_of(told) if "slug" in told else CallFailedError(str(told["failure"]), str(told["text"]))
        )
    except (ValueError, ValidationError, KeyError, TypeError, RecursionError) as wrong:
        raise AnswerMalformedError(str(wrong)) from wrong
    raise raised
