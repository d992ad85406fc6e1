"""How does a process write its log: for people on a terminal, as JSON lines elsewhere?

Standard error carries the log, standard output stays for results. What comes through the standard
library's `logging` (servers, drivers) goes the same way. Values under names that promise a secret
are masked.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import Processor

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SECRETS = ("password", "passwd", "secret", "token", "authorization", "cookie", "dsn", "credential")
MASK = "***"
_encode = msgspec.json.Encoder(enc_hook=repr).encode


def configure_logging(log_format: str = "auto", log_level: str = "info") -> None:
    """Set up the log of this process: `auto`, `json` or `console`, from a least level on."""
    level = LEVELS[log_level]
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        mask_secrets,
    ]
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    last: list[Processor]
    if console:
        # Where rich is installed, tracebacks would show local variables: tokens, messages, keys.
        plain = structlog.dev.plain_traceback
        colors = sys.stderr.isatty()
        last = [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
    else:
        last = [structlog.processors.format_exc_info, _as_json]
    structlog.configure(
        processors=[*before, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *before],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    global _access
    _access = (
        ConsoleAccessLog()
        if console
        else JsonAccessLog(sys.stderr, status_min=0 if level <= LEVELS["info"] else 500)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.INFO))
    # It tells each call, and settlements make many; what goes wrong with one, its caller tells.
    logging.getLogger("httpx").setLevel(max(level, logging.WARNING))


def mask_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace the value under every name that promises a secret."""
    for name in event:
        if any(word in name.lower() for word in _SECRETS):
            event[name] = MASK
    return event


def _as_json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    said = {"timestamp": event.pop("timestamp", None), "level": event.pop("level", None), **event}
    return _encode(said).decode()


class _Line(msgspec.Struct, frozen=True):
    timestamp: str
    level: str
    event: str
    request_id: str
    method: str
    path: str
    status: int
    duration_ms: float


class JsonAccessLog:
    """Writes one JSON line for each request, all lines of one turn of the event loop at once: a
    tenth of what a logger's call and a write cost for each."""

    def __init__(self, stream: TextIO, *, status_min: int = 0) -> None:
        self._stream = stream
        self._status_min = status_min
        self._lines: list[bytes] = []

    def __call__(
        self, *, method: str, path: str, status: int, duration_s: float, request_id: str
    ) -> None:
        """Note that a request was answered; call it on the event loop."""
        if status < self._status_min:
            return
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._flush)
        level = "info" if status < 500 else "error"
        took_ms = round(duration_s * 1000, 3)
        line = _Line(_now(), level, "request", request_id, method, path, status, took_ms)
        self._lines.append(_encode(line))

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        self._stream.write(b"\n".join(lines).decode() + "\n")
        self._stream.flush()


class ConsoleAccessLog:
    """Writes one line for each request, for people."""

    def __call__(
        self, *, method: str, path: str, status: int, duration_s: float, request_id: str
    ) -> None:
        """Note that a request was answered."""
        log = structlog.get_logger("access")
        write = log.info if status < 500 else log.error
        write(
            "request",
            method=method,
            path=path,
            status=status,
            duration_ms=round(duration_s * 1000, 3),
            request_id=request_id,
        )


_access: JsonAccessLog | ConsoleAccessLog | None = None


def log_access(*, method: str, path: str, status: int, duration_s: float, request_id: str) -> None:
    """Note that a request was answered, as `configure_logging` has set up; call it on the event
    loop."""
    if _access is not None:
        _access(
            method=method, path=path, status=status, duration_s=duration_s, request_id=request_id
        )


def _now() -> str:
    second, rest = divmod(time.time_ns() // 1000, 1_000_000)
    return f"{_second(second)}.{rest:06d}Z"


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
