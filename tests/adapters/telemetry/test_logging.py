"""What does the log look like, and what never stands in it?"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from nostro.adapters.telemetry.logging import MASK, configure_logging, log_access


class Terminal(io.StringIO):
    """A standard error that says whether people read it."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(monkeypatch: pytest.MonkeyPatch, *how: str, terminal: bool = False) -> Terminal:
    """Set up the log on a standard error of its own."""
    stream = Terminal(terminal=terminal)
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging(*how)
    return stream


def test_secrets_are_masked_whatever_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = logged(monkeypatch)
    structlog.get_logger().info("opened", db_password="hunter2", Authorization="Bearer x", id=1)
    assert "hunter2" not in stream.getvalue()
    (line,) = stream.lines()
    assert (line["db_password"], line["Authorization"], line["id"]) == (MASK, MASK, 1)


def test_without_a_terminal_each_line_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = logged(monkeypatch)
    structlog.get_logger().warning("effect_retried", attempt=2, why=ValueError("no"))
    logging.getLogger("psycopg").error("lost %s", "connection")
    first, second = stream.lines()
    assert list(first)[:2] == ["timestamp", "level"]
    assert first["timestamp"].endswith("Z")
    assert (first["level"], first["event"], first["attempt"]) == ("warning", "effect_retried", 2)
    assert (second["event"], second["logger"]) == ("lost connection", "psycopg")


def test_an_exception_is_one_line_with_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = logged(monkeypatch)
    try:
        raise ZeroDivisionError("oops")
    except ZeroDivisionError as error:
        structlog.get_logger().error("request_failed", exc_info=error)
    (line,) = stream.lines()
    assert "ZeroDivisionError: oops" in line["exception"]


def test_a_terminal_gets_lines_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = logged(monkeypatch, terminal=True)
    structlog.get_logger().info("started", height=7)
    with pytest.raises(json.JSONDecodeError):
        stream.lines()
    assert "started" in stream.getvalue()


@pytest.mark.parametrize("how", ["console", "json"])
def test_a_trace_shows_no_local_variables(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    stream = logged(monkeypatch, how)
    bearer = ".".join(("eyJ0", "of", "nobody"))
    try:
        raise ValueError("this went wrong")
    except ValueError:
        structlog.get_logger().exception("request_failed")
    assert "this went wrong" in stream.getvalue()
    assert bearer not in stream.getvalue()


def test_json_can_be_asked_for_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = logged(monkeypatch, "json", terminal=True)
    structlog.get_logger().info("started")
    assert stream.lines()[0]["event"] == "started"


def test_below_the_level_nothing_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = logged(monkeypatch, "json", "error")
    structlog.get_logger().warning("too quiet")
    assert stream.getvalue() == ""


async def asked(*statuses: int) -> None:
    """Note requests, and let the loop turn once."""
    for status in statuses:
        log_access(
            method="GET", path="/x", status=status, duration_s=0.0012345, request_id=f"r{status}"
        )
    await asyncio.sleep(0)


async def test_each_request_is_a_line_with_its_status_and_duration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = logged(monkeypatch)
    await asked(200, 503)
    first, second = stream.lines()
    assert first == {
        "timestamp": first["timestamp"],
        "level": "info",
        "event": "request",
        "request_id": "r200",
        "method": "GET",
        "path": "/x",
        "status": 200,
        "duration_ms": 1.234,
    }
    assert (second["level"], second["status"]) == ("error", 503)


async def test_a_quiet_log_has_only_the_requests_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = logged(monkeypatch, "json", "warning")
    await asked(200, 404, 500)
    assert [line["status"] for line in stream.lines()] == [500]


async def test_requests_on_a_terminal_are_lines_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = logged(monkeypatch, "console")
    await asked(200)
    assert "/x" in stream.getvalue()
