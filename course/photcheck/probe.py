"""The grader's hand inside a student's kernel: calls functions on inputs it is sent, returns values.

It decides nothing and knows nothing: no reference, no expected answer, no tolerance. Requests and answers
are JSON texts on a socket that the grader has opened for it, one at a time.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import types
from collections.abc import Callable, Iterator
from typing import Any

from photcheck import undrawn, wire
from photcheck.call import call, call_twice, names_used

_MISSING = object()
_stash: dict[str, Any] = {}
_helpers: dict[str, dict[str, Any]] = {}
#: What every text on the socket begins with: its length in bytes.
_LENGTH = struct.Struct(">Q")


def stash(namespace: dict[str, Any], name: str) -> None:
    """Keep the function of that name as it is now, with the helpers that it calls: a later cell may rebind them."""
    value = namespace.get(name, _MISSING)
    if callable(value):
        _stash[name] = value
        _helpers[name] = {
            n: namespace[n]
            for n in names_used(value, namespace)
            if callable(namespace[n]) or isinstance(namespace[n], types.ModuleType)
        }


def stay(shell: Any) -> None:
    """Let a kernel live on where a cell or a function asks it to end, ``quit()``; the reply to that cell says that it asked.

    IPython ends a kernel some time after the cell that asked for it: what comes next is answered or not, as it happens.
    Figures are left undrawn where the grader says so (`photcheck.undrawn`).
    """

    def ask_exit() -> None:
        shell.payload_manager.write_payload({"source": "ask_exit", "keepkernel": True})

    shell.ask_exit = ask_exit
    undrawn.watch(shell)


def _function(namespace: dict[str, Any], name: str) -> Any:
    value = _stash.get(name, _MISSING)
    if value is _MISSING:
        value = namespace.get(name, _MISSING)
    return value


class _Upstream:
    """Stands for a function whose right answers come from outside, one call at a time."""

    def __init__(self, name: str, ask: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.__name__, self._ask = name, ask

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        reply = self._ask(
            {
                "op": "upstream",
                "name": self.__name__,
                "args": [wire.encode(a, packed=False) for a in args],
                "kwargs": {k: wire.encode(v, packed=False) for k, v in kwargs.items()},
            }
        )
        if "value" not in reply:
            raise ValueError(str(reply.get("error", "no answer")))
        return wire.decode(reply["value"])


def _call(namespace: dict[str, Any], request: dict[str, Any], ask: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    function = _function(namespace, request["name"])
    if not callable(function):
        return {
            "ok": False,
            "absent": True,
            "error": {"type": "NameError", "message": f"there is no function {request['name']}", "line": ""},
        }
    params, figure = tuple(request["params"]), bool(request.get("figure"))
    supplied = {name: _Upstream(name, ask) for name in request.get("supply", [])}
    with _bound(namespace, {**_helpers.get(request["name"], {}), **supplied}):
        if request.get("rebind"):
            return call(
                function,
                request["args"],
                params,
                figure=figure,
                namespace=namespace,
                poison=set(request["rebind"]) & namespace.keys(),
            )
        return call_twice(
            function,
            request["args"],
            params,
            namespace,
            set(request.get("template", [])),
            figure=figure,
            again=bool(request.get("again", True)),
        )


@contextlib.contextmanager
def _bound(namespace: dict[str, Any], values: dict[str, Any]) -> Iterator[None]:
    """Bind names for the time of a call."""
    kept = {name: namespace.get(name, _MISSING) for name in values}
    namespace.update(values)
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is _MISSING:
                namespace.pop(name, None)
            else:
                namespace[name] = value


def serve(namespace: dict[str, Any], exchange: Callable[[str], str]) -> None:
    """Answer requests until told to stop.

    Parameters
    ----------
    namespace : dict
        The notebook's variables.
    exchange : callable
        Sends a text and returns the next one.
    """
    serial: Any = None

    def ask(message: dict[str, Any]) -> dict[str, Any]:
        return json.loads(exchange(json.dumps({**message, "id": serial})))

    answer: dict[str, Any] = {"op": "ready"}
    while True:
        request = ask(answer)
        serial = request.get("id")
        if request["op"] == "stop":
            return
        if request["op"] == "names":
            answer = {"op": "names", "names": [n for n in request["names"] if callable(_function(namespace, n))]}
        elif request["op"] == "call":
            answer = {"op": "report", "report": _call(namespace, request, ask)}
        else:
            answer = {"op": "unknown"}


def serve_at(namespace: dict[str, Any], path: str) -> None:
    """Answer requests that come over the socket at `path`, until told to stop or until it is closed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.connect(path)

        def read(size: int) -> bytes:
            parts = []
            while size:
                part = channel.recv(min(size, 1 << 20))
                if not part:
                    raise EOFError("the grader has closed the channel")
                parts.append(part)
                size -= len(part)
            return b"".join(parts)

        def exchange(text: str) -> str:
            body = text.encode()
            channel.sendall(_LENGTH.pack(len(body)) + body)
            return read(_LENGTH.unpack(read(_LENGTH.size))[0]).decode()

        with contextlib.suppress(EOFError):
            serve(namespace, exchange)
