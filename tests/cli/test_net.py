"""Can one net a file of obligations without a platform, and learn what is wrong with the file?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nostro.cli import Exit, main

HEADER = "transaction_id,payer,source_currency,amount,payee,destination_currency"
RATES = "base,quote,rate\nEUR,USD,1.10\nUSD,JPY,150\nKWD,USD,3.25\n"


@pytest.fixture
def rates(tmp_path: Path) -> str:
    """A file of rates."""
    file = tmp_path / "rates.csv"
    file.write_text(RATES, "utf-8")
    return str(file)


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ending:
        main(["net", *words])
    assert isinstance(ending.value.code, int)
    return ending.value.code


def wrote(folder: Path, *lines: str, name: str = "owed.csv") -> str:
    file = folder / name
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return str(file)


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_a_line_that_is_wrong_is_named_and_nothing_is_netted(
    tmp_path: Path, rates: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = wrote(
        tmp_path,
        HEADER,
        "p1,ALFA,EUR,10.00,BETA,",
        "p1,ALFA,EUR,10.00,BETA,",
        "p2,ALFA,EUR,10.001,BETA,",
        "p3,ALFA,XYZ,10,BETA,",
        "p4,,EUR,10,BETA,",
        "p5,ALFA,EUR,-1,BETA,",
        "p6,ALFA,EUR,ten,BETA,",
        "p7,ALFA,EUR,10,BETA,USD,more",
    )
    assert run(file, "--rates", rates) == Exit.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    for told in (
        "line 3: transaction_id p1 stands in line 2 too",
        "line 4: money.too_many_decimals",
        "line 5: asset.unknown",
        "line 6: payer is missing",
        "line 7: amount -1 is not positive",
        "line 8: money.not_a_number",
        "line 9: more fields than the header",
    ):
        assert told in shown.err


@pytest.mark.parametrize(
    ("name", "lines", "told"),
    [
        ("no.csv", ["transaction_id,payer", "p1,ALFA"], "line 1: the header has no"),
        ("no.jsonl", ["{", "[]"], "line 2: no JSON object"),
        ("no.jsonl", ['{"transaction_id": true}'], "line 1: source_currency is missing"),
    ],
)
def test_a_file_of_another_form_is_refused(
    name: str,
    lines: list[str],
    told: str,
    tmp_path: Path,
    rates: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(wrote(tmp_path, *lines, name=name), "--rates", rates) == Exit.USAGE
    assert told in capsys.readouterr().err


def test_a_file_that_is_not_there_is_refused(
    tmp_path: Path, rates: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(tmp_path / "none.csv"), "--rates", rates) == Exit.USAGE
    assert "remedy:" in capsys.readouterr().err


def test_a_currency_without_a_rate_is_refused(
    tmp_path: Path, rates: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = wrote(tmp_path, HEADER, "p1,ALFA,EUR,10,BETA,GBP")
    assert run(file, "--rates", rates) == Exit.USAGE
    assert "GBP" in capsys.readouterr().err


@pytest.mark.parametrize("rate", ["0", "-1", "much", "NaN", "Infinity"])
def test_a_rate_that_is_no_rate_is_refused(
    rate: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = wrote(tmp_path, HEADER, "p1,ALFA,EUR,10,BETA,USD")
    other = wrote(tmp_path, "base,quote,rate", f"EUR,USD,{rate}", name="rates.csv")
    assert run(file, "--rates", other) == Exit.USAGE
    assert "line 2: rate" in capsys.readouterr().err


def test_a_currency_that_the_ecb_has_given_up_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = wrote(tmp_path, HEADER, "p1,ALFA,EUR,10,BETA,RUB")
    assert run(file) == Exit.USAGE
    assert "no rate for RUB since 2022-03-01" in capsys.readouterr().err


def test_a_currency_that_the_ecb_never_had_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = wrote(tmp_path, HEADER, "p1,ALFA,EUR,10,BETA,KWD")
    assert run(file) == Exit.USAGE
    assert "no rate for KWD" in capsys.readouterr().err


@pytest.mark.parametrize("spread", ["EUR/USD", "EUR=1", "EUR/USD=-1", "EUR/USD=0.001", "/USD=1"])
def test_a_spread_that_is_no_spread_is_refused(
    spread: str, tmp_path: Path, rates: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = wrote(tmp_path, HEADER, "p1,ALFA,EUR,10,BETA,USD")
    assert run(file, "--rates", rates, "--spread", spread) == Exit.USAGE
    assert "is no spread" in capsys.readouterr().err


def test_what_is_left_is_told_with_its_price(
    tmp_path: Path, rates: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = wrote(
        tmp_path,
        HEADER,
        "p1,ALFA,EUR,1000.00,BETA,USD",
        "p2,BETA,USD,1100.00,ALFA,EUR",
        "p3,ALFA,USD,50,GAMA,",
    )
    assert run(file, "--rates", rates, "-o", "json") == Exit.OK
    told = document(capsys)
    assert told["positions"] == []
    assert told["trades"] == []
    assert told["transfers"] == [
        {"from": "ALFA", "to": "GAMA", "currency": "USD", "amount": "50.00", "for": "p3"}
    ]
    # Three wires and two spreads of 2.5 basis points on 1,100 dollars; now one wire.
    assert [row["cost"] for row in told["savings"]] == ["15.55", "15.55", "5.00", "5.00"]
    assert (told["wires_before"], told["wires_after"]) == (3, 1)
    assert told["saving_percent"] == "67.84"


def test_json_lines_are_read_without_a_float(
    tmp_path: Path, rates: str, capsys: pytest.CaptureFixture[str]
) -> None:
    owed = {"transaction_id": "p1", "payer": "A", "source_currency": "KWD", "payee": "B"}
    line = json.dumps(owed)[:-1] + ', "amount": 90071992547409.931}'
    assert run(wrote(tmp_path, line, name="o.jsonl"), "--rates", rates, "-o", "json") == Exit.OK
    assert document(capsys)["transfers"][0]["amount"] == "90071992547409.931"


def test_caps_make_payments_wait_and_say_why(
    tmp_path: Path, rates: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = wrote(
        tmp_path,
        HEADER + ",priority",
        "p1,ALFA,EUR,10.00,BETA,,0",
        "p2,ALFA,EUR,10.00,BETA,,9",
        "p3,BETA,USD,10.00,GAMA,,5",
        "p4,GAMA,USD,10.00,ALFA,EUR,5",
    )
    caps = wrote(
        tmp_path,
        "kind,participant,counterparty,currency,amount",
        "bilateral,ALFA,BETA,EUR,15",
        "net_debit,BETA,,USD,1",
        "platform,,,EUR,100000",
        name="caps.csv",
    )
    assert run(file, "--rates", rates, "--caps", caps, "-o", "json") == Exit.OK
    assert document(capsys)["deferred"] == [
        {"transaction_id": "p2", "reason": "netting.bilateral_limit"},
        {"transaction_id": "p3", "reason": "netting.net_debit_cap"},
    ]


def test_a_cap_of_an_unknown_kind_is_refused(
    tmp_path: Path, rates: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = wrote(tmp_path, HEADER, "p1,ALFA,EUR,10,BETA,USD")
    caps = wrote(tmp_path, "kind,currency,amount", "gross,EUR,1", name="caps.csv")
    assert run(file, "--rates", rates, "--caps", caps) == Exit.USAGE
    assert "line 2: kind is 'gross'" in capsys.readouterr().err


def test_people_get_tables(tmp_path: Path, rates: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = wrote(tmp_path, HEADER, *(f"p{n},BANK{n % 4},EUR,{n}.00,HUB,JPY" for n in range(1, 20)))
    assert run(file, "--rates", rates, "--spread", "EUR/USD=1.25") == Exit.OK
    shown = capsys.readouterr().out
    for title in ("positions:", "transfers:", "trades:", "savings:", "bound"):
        assert title in shown
