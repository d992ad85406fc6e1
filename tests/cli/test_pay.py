"""Does `nostro pay` send a file of payments, and say what was refused and why?"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nostro.adapters.clock import SystemClock
from nostro.adapters.memory.journal import MemoryDisk, MemoryJournal
from nostro.api import create_app
from nostro.cli import Exit, main, pay
from nostro.cli.pay import Form, Line, Report, chunks, form_of, payments_in
from nostro.runtime.engine import Engine
from nostro.wiring.http import HttpServer
from nostro.wiring.rooms import make_house
from tests.api.door import platform_on
from tests.serving import InThread


class Served(InThread):
    """A platform on memory adapters, served over a socket from a thread of its own."""

    async def _run(self) -> None:
        engine = Engine(
            house=make_house(), journal=MemoryJournal(MemoryDisk()), clock=SystemClock()
        )
        await engine.start()
        server = HttpServer(create_app(platform_on(engine)), host="127.0.0.1", port=0)
        await server.start()
        self.url = server.url
        self._ready.set()
        await self._stop.wait()
        await server.stop()
        await engine.stop()


@pytest.fixture(scope="module")
def platform() -> Iterator[str]:
    with Served() as served:
        with httpx.Client(base_url=served.url) as client:
            for id in ("NORD", "SUED"):
                bank = {"participant_id": id, "name": id, "currencies": ["USD"]}
                assert client.post("/api/v1/participants", json=bank).status_code == 201
            money = {"currency": "USD", "amount": "1000.00", "reference": "w"}
            funded = client.post("/api/v1/participants/NORD/funding", json=money)
            assert funded.status_code == 201
        yield served.url


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.upper().startswith("NOSTRO_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pay, "FIRST_PAUSE_S", 0.001)


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ending:
        main(("pay", *words))
    assert isinstance(ending.value.code, int)
    return ending.value.code


def payment(id: str, **changes: Any) -> dict[str, Any]:
    return {
        "transaction_id": id,
        "amount": "1.50",
        "source_currency": "USD",
        "destination_currency": "USD",
        "source_account": "vostro:NORD:USD",
        "destination_account": "acc",
        "counterparty_id": "SUED",
        "settlement_window": "t+2",
        **changes,
    }


def lines(file: Path, *payments: Any) -> Path:
    file.write_text("\n".join(json.dumps(each) for each in payments) + "\n", "utf-8")
    return file


# -- what cannot be sent ---------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_a_wrong_argument(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("nowhere.csv") == Exit.USAGE
    assert "there is no file nowhere.csv" in capsys.readouterr().err


def test_a_platform_that_does_not_answer_is_unavailable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    file = lines(tmp_path / "pay.jsonl", payment("p1"))
    assert run(str(file), "--url", f"http://127.0.0.1:{port}") == Exit.UNAVAILABLE
    assert "send the file again" in " ".join(capsys.readouterr().err.split())


def test_a_file_that_is_not_text_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pay.csv"
    file.write_bytes(b"transaction_id\n\xff\xfe\n")
    assert run(str(file), "--url", "http://127.0.0.1:1") == Exit.USAGE
    assert "not UTF-8" in capsys.readouterr().err


# -- what is refused -------------------------------------------------------------------------------


def test_refused_payments_are_told_with_their_line_and_the_others_are_accepted(
    platform: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pay.jsonl"
    good, wrong = json.dumps(payment("r1")), json.dumps(payment("r2", amount="1.505"))
    rich = json.dumps(payment("r3", amount="999999.00"))
    file.write_text(f"{good}\n{wrong}\n\n{{broken\n{rich}\n", "utf-8")
    assert run(str(file), "--url", platform, "-o", "json") == Exit.CHECK_FAILED
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert (told["accepted"], told["refused"]) == (1, 3)
    assert [(row["line"], row["transaction_id"], row["code"]) for row in told["not_accepted"]] == [
        (2, "r2", "money.too_many_decimals"),
        (4, "", "request.malformed_json"),
        (5, "r3", "ledger.exceeds_credits"),
    ]
    assert "mend the refused ones" in " ".join(shown.err.split())


def test_the_report_is_a_table_for_people(
    platform: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = lines(tmp_path / "pay.jsonl", payment("t1", counterparty_id="WEST"))
    assert run(str(file), "--url", platform) == Exit.CHECK_FAILED
    shown = capsys.readouterr()
    assert "payments.participant_unknown" in shown.out
    assert "accepted 0" in shown.err


# -- what is sent ----------------------------------------------------------------------------------


def test_a_file_sent_again_accepts_nothing_twice(
    platform: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = lines(tmp_path / "pay.jsonl", *(payment(f"a{n}") for n in range(7)))
    told = []
    for _ in range(2):
        assert run(str(file), "--url", platform, "--chunk", "3", "-o", "json") == Exit.OK
        told.append(json.loads(capsys.readouterr().out))
    assert (told[0]["accepted"], told[0]["accepted_before"]) == (7, 0)
    assert (told[1]["accepted"], told[1]["accepted_before"]) == (0, 7)


def test_a_csv_names_its_fields_in_the_first_line(
    platform: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pay.csv"
    fields = [*payment(""), "priority", "remittance"]
    file.write_text(
        ",".join(fields)
        + '\nc1,2.50,USD,USD,vostro:NORD:USD,acc,SUED,t+1,3,"invoice 1, part 2"\n'
        + "c2,2.50,USD,USD,vostro:NORD:USD,acc,SUED,,,\n",
        "utf-8",
    )
    assert run(str(file), "--url", platform, "-o", "json") == Exit.OK
    assert json.loads(capsys.readouterr().out)["accepted"] == 2


def test_a_number_in_json_lines_is_sent_digit_by_digit(tmp_path: Path) -> None:
    file = tmp_path / "pay.jsonl"
    file.write_text('{"amount": 12345678901234567890.12}\n', "utf-8")
    (line,) = payments_in(file, Form.JSONL, Report())
    assert line == Line(1, b'{"amount": 12345678901234567890.12}')


def test_a_platform_that_is_busy_is_asked_again() -> None:
    told = {
        "accepted": 1,
        "held": 0,
        "duplicates": 0,
        "refused": 0,
        "height": 1,
        "recorded_at": "",
        "results": [],
    }
    answers = iter([httpx.Response(503), httpx.Response(504), httpx.Response(200, json=told)])
    transport = httpx.MockTransport(lambda request: next(answers))
    with httpx.Client(transport=transport, base_url="http://nostro") as client:
        assert pay.send(client, [Line(1, b"{}")]) == told


def test_a_chunk_is_bounded_in_number_and_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pay, "CHUNK_BYTES", 10)
    source = [Line(n, b"x" * 4) for n in range(7)]
    sizes = [len(chunk) for chunk in chunks(source, 3)]
    assert sizes == [2, 1, 2, 1, 1]
    assert [line for chunk in chunks(source, 3) for line in chunk] == source


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.csv", "{", Form.CSV),
        ("a.xml", "", Form.PACS008),
        ("a.ndjson", "", Form.JSONL),
        ("a.txt", '  {"a": 1}', Form.JSONL),
        ("a.txt", "<?xml", Form.PACS008),
        ("a.txt", "transaction_id,", Form.CSV),
    ],
)
def test_the_name_or_the_first_character_tells_how_a_file_is_written(
    name: str, content: str, form: Form, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_text(content, "utf-8")
    assert form_of(file) is form
