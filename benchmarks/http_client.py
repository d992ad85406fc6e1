"""How fast does an HTTP server answer POSTs over keep-alive connections, seen from outside?

Closed loop: each connection has one request under way. The client shares its cores with the server,
so it is one bare epoll loop over raw sockets, some five microseconds a request; run it in a process
of its own: `run(load)` does, and so does `python -m benchmarks.http_client`, which takes a Load as
one JSON line on standard input and answers with a Measured.
"""

from __future__ import annotations

import select
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import count
from time import perf_counter, process_time

import msgspec

RECEIVE_BYTES = 65_536
SILENCE_S = 30.0
"""How long all connections may be silent before the run is given up."""
SHARES = (0.5, 0.9, 0.99, 0.999)


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: transfers whose ids count up from `first`, each from an account to the next
    one in `accounts`. Ends after `seconds` or `requests_max`, whichever comes first; what begins
    within `warm_up_s` is not counted."""

    host: str = "127.0.0.1"
    port: int = 8000
    path: str = "/api/v1/ledger/transfers"
    connections: int = 128
    seconds: float = 10.0
    warm_up_s: float = 1.0
    requests_max: int = 10_000_000
    first: int = 0
    id_prefix: str = "t"
    asset: str = "EUR"
    amount: str = "1.50"
    accounts: tuple[str, ...] = ("a", "b")
    templates: tuple[str, ...] = ()
    """Bodies to send in turn instead of transfers, each with one `%s` where its id stands."""
    authorizations: tuple[str, ...] = ()
    """The Authorization header of each template; none without."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What came back: answers a second and latencies (ms) by share, within the counted time.

    `answers` and `refused` (not 2xx) count all of the run; `first_refusal` is the first of those.
    `client_cpu_us` is the client's own processor time for each request.
    """

    per_second: float
    latency_ms: dict[str, float]
    answers: int
    refused: int
    first_refusal: str
    client_cpu_us: float
    seconds: float


class BadAnswer(Exception):
    """The server closed a connection, fell silent, or said what is not HTTP/1.1."""


def run(load: Load, *, timeout_s: float = 600.0) -> Measured:
    """Run a load in a child process and return what it measured; raises CalledProcessError."""
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.http_client"],
        input=msgspec.json.encode(load),
        stdout=subprocess.PIPE,
        check=True,
        timeout=timeout_s,
    )
    return msgspec.json.decode(child.stdout, type=Measured)


def requests_of(load: Load) -> Callable[[], bytes]:
    """Return a function that gives the next request, as bytes on the wire."""
    head = f"POST {load.path} HTTP/1.1\r\nHost: {load.host}\r\nContent-Type: application/json\r\n"
    template = head.encode() + b"Content-Length: %d\r\n\r\n%s"
    if load.templates:
        return _templated(load, head.encode())
    money = f'"amount":"{load.amount}","asset":"{load.asset}"'.encode()
    pairs = [
        f'"debit":"{debit}","credit":"{credit}",'.encode() + money
        for debit, credit in zip(load.accounts, load.accounts[1:] + load.accounts[:1], strict=True)
    ]
    prefix, numbers, rounds = load.id_prefix.encode(), count(load.first), len(pairs)

    def next_request() -> bytes:
        number = next(numbers)
        body = b'{"id":"%s-%d",%s}' % (prefix, number, pairs[number % rounds])
        return template % (len(body), body)

    return next_request


def _templated(load: Load, head: bytes) -> Callable[[], bytes]:
    said = load.authorizations or ("",) * len(load.templates)
    parts = [
        (head + (f"Authorization: {word}\r\n".encode() if word else b""), body.encode())
        for word, body in zip(said, load.templates, strict=True)
    ]
    prefix, numbers, rounds = load.id_prefix.encode(), count(load.first), len(parts)

    def next_request() -> bytes:
        number = next(numbers)
        lines, template = parts[number % rounds]
        body = template % (b"%s-%d" % (prefix, number))
        return b"%sContent-Length: %d\r\n\r\n%s" % (lines, len(body), body)

    return next_request


class _Connections:
    """The sockets of a run, each with at most one request under way."""

    def __init__(self, load: Load) -> None:
        self.epoll = select.epoll()
        self.sockets: dict[int, socket.socket] = {}
        for _ in range(load.connections):
            connection = socket.create_connection((load.host, load.port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setblocking(False)
            self.sockets[connection.fileno()] = connection
            self.epoll.register(connection.fileno(), select.EPOLLIN)

    def close(self) -> None:
        self.epoll.close()
        for connection in self.sockets.values():
            connection.close()


def measure(load: Load) -> Measured:
    """Run a load in this process; raises BadAnswer."""
    connections = _Connections(load)
    try:
        return _drive(load, connections)
    finally:
        connections.close()


def _drive(load: Load, connections: _Connections) -> Measured:
    sockets, poll, next_request = connections.sockets, connections.epoll.poll, requests_of(load)
    latencies: list[float] = []
    sent_at: dict[int, float] = {}
    parts: dict[int, bytes] = {}
    answers = refused = 0
    first_refusal = b""
    cpu_started, started = process_time(), perf_counter()
    counted_from, until = started + load.warm_up_s, started + load.warm_up_s + load.seconds
    left = max(0, load.requests_max - len(sockets))
    for number, connection in sockets.items():
        connection.send(next_request())
        sent_at[number] = perf_counter()
    while sent_at:
        events = poll(SILENCE_S)
        if not events:
            raise BadAnswer(f"{len(sent_at)} requests had no answer for {SILENCE_S:g} s")
        for number, _ in events:
            connection = sockets[number]
            data = connection.recv(RECEIVE_BYTES)
            if number in parts or not _is_whole(data):
                data = parts.pop(number, b"") + _heard(data)
                if not _is_whole(data):
                    parts[number] = data
                    continue
            now = perf_counter()
            began = sent_at.pop(number)
            answers += 1
            if data[9] != 0x32:  # "2": HTTP/1.1 2xx
                refused += 1
                first_refusal = first_refusal or data
            if began >= counted_from and now <= until:
                latencies.append(now - began)
            if now < until and left:
                left -= 1
                connection.send(next_request())
                sent_at[number] = now
    ended = perf_counter()
    return Measured(
        per_second=len(latencies) / max(1e-9, min(ended, until) - counted_from),
        latency_ms=_shares(latencies),
        answers=answers,
        refused=refused,
        first_refusal=first_refusal[:2000].decode("utf-8", "replace"),
        client_cpu_us=(process_time() - cpu_started) / max(1, answers) * 1e6,
        seconds=ended - started,
    )


def _heard(data: bytes) -> bytes:
    if not data:
        raise BadAnswer("the server closed the connection")
    return data


def _is_whole(data: bytes) -> bool:
    """Tell whether an answer, with a length in its headers, has come completely."""
    end = data.find(b"\r\n\r\n")
    at = data.find(b"content-length: ", 0, end)
    if end < 0 or at < 0:
        return False
    return len(data) >= end + 4 + int(data[at + 16 : data.index(b"\r", at)])


def _shares(latencies: Sequence[float]) -> dict[str, float]:
    ordered = sorted(latencies)
    if not ordered:
        return {}
    last = len(ordered) - 1
    told = {f"p{share * 100:g}": ordered[int(share * last)] for share in SHARES}
    return {name: round(value * 1000, 3) for name, value in {**told, "max": ordered[-1]}.items()}


def main() -> None:
    """Take a Load on standard input and tell a Measured on standard output."""
    load = msgspec.json.decode(sys.stdin.buffer.readline(), type=Load)
    print(msgspec.json.encode(measure(load)).decode(), flush=True)


if __name__ == "__main__":
    main()
