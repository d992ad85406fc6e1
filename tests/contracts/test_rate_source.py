"""What every source of exchange rates must do; numbered.

S1  One rate to USD for each currency that was asked for, once, none for USD.
S2  Rates are exact: the decimals that were published, as fractions of minor units.
S3  A set is frozen: its id is the hash of the rest.
S4  The moment of the rates is the day's fixing, however much later they are fetched.
S5  A weekend is told with Friday's rates, and a day further than the longest gap not at all.
S6  A currency that nobody knows is refused, and so is one that has ended; others are not touched.
S7  A source that gives nothing is an outage, not an answer.
S8  Asked twice for one day, it tells the same rates.
"""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest

from nostro.adapters.fx import EcbHistory, FileRates, HttpRates, RateSource
from nostro.kernel.messages import Rejection
from nostro.netting import Mid, is_frozen
from nostro.runtime.ports import NotDone

FRIDAY = date(2026, 10, 30)
FRIDAY_FIXING_US = int(datetime(2026, 10, 30, 13, 10, tzinfo=UTC).timestamp()) * 1_000_000
"""14:10 in Frankfurt, an hour ahead of UTC since the Sunday before."""
RATES = {"USD": "1.1172", "JPY": "175.68", "GBP": "0.8338", "KRW": "1491.76", "IDR": "20275.17"}
SINCE_1999 = date(1998, 12, 31)
KINDS = ["ecb", "file", "http"]


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.time_us = FRIDAY_FIXING_US + 9 * 3_600 * 1_000_000

    def now_us(self) -> int:
        return self.time_us

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("no source waits")


App = Callable[[Any, Any, Callable[[Any], Awaitable[None]]], Awaitable[None]]


def server(status: int = 200, body: bytes | None = None) -> App:
    """A server with Friday's rates, for every day up to the next Wednesday."""
    told = {"base": "EUR", "date": "2026-10-30", "rates": {k: float(v) for k, v in RATES.items()}}

    async def app(scope: Any, _receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        assert scope["query_string"] == b"base=EUR"
        what = scope["path"].rpartition("/")[2]
        known = what == "latest" or what >= "2026-10-30"
        await send({"type": "http.response.start", "status": status if known else 404})
        data = body if body is not None else json.dumps(told).encode()
        await send({"type": "http.response.body", "body": data})

    return app


def source_of(kind: str, folder: Path, clock: Clock) -> RateSource:
    if kind == "ecb":
        return EcbHistory(clock=clock)
    if kind == "file":
        path = folder / "rates.json"
        path.write_text(json.dumps({"base": "EUR", "date": "2026-10-30", "rates": RATES}))
        return FileRates(path, clock=clock)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(server()))
    return HttpRates("http://rates/v1", clock=clock, client=client)


def broken_source(kind: str, folder: Path, clock: Clock) -> RateSource:
    if kind == "file":
        return FileRates(folder / "nothing.json", clock=clock)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(server(503)))
    return HttpRates("http://rates/v1", clock=clock, client=client)


@pytest.fixture(params=KINDS)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> RateSource:
    return source_of(request.param, tmp_path, Clock())


async def test_s1_one_rate_to_dollars_for_each_currency(source: RateSource) -> None:
    found = await source.rates(["JPY", "USD", "EUR", "JPY"])
    assert [(rate.base, rate.quote) for rate in found.rates] == [("EUR", "USD"), ("JPY", "USD")]
    assert (await source.rates([])).rates == []


async def test_s2_rates_are_exact_fractions_of_minor_units(source: RateSource) -> None:
    mid = Mid(await source.rates(["EUR", "JPY", "GBP", "KRW", "IDR"], FRIDAY))
    dollar = Fraction(RATES["USD"])
    for currency, scale in (("EUR", 2), ("JPY", 0), ("GBP", 2), ("KRW", 0), ("IDR", 2)):
        rate = mid.rate(currency, "USD")
        expected = dollar / Fraction(RATES.get(currency, "1")) * 10 ** (2 - scale)
        assert Fraction(rate.numerator, rate.denominator) == expected


async def test_s3_a_set_is_frozen_under_the_hash_of_the_rest(source: RateSource) -> None:
    assert is_frozen(await source.rates(["EUR", "JPY"]))


async def test_s4_the_moment_is_the_fixing_of_the_day(source: RateSource) -> None:
    found = await source.rates(["EUR"], FRIDAY)
    assert found.kind == "reference"
    assert found.as_of_us == FRIDAY_FIXING_US
    assert found.fetched_at_us == FRIDAY_FIXING_US + 9 * 3_600 * 1_000_000


async def test_s5_a_weekend_has_fridays_rates_and_a_later_week_none(source: RateSource) -> None:
    assert (await source.rates(["EUR"], date(2026, 11, 1))).as_of_us == FRIDAY_FIXING_US
    assert (await source.rates(["EUR"], date(2026, 11, 4))).as_of_us == FRIDAY_FIXING_US
    for day in (date(2026, 11, 5), SINCE_1999):
        with pytest.raises(Rejection) as caught:
            await source.rates(["EUR"], day)
        assert caught.value.code == "fx.rate_unknown"


@pytest.mark.parametrize("currency", ["XXX", "", "euro", "RUB", "HRK", "KWD"])
async def test_s6_a_currency_without_a_rate_is_refused(source: RateSource, currency: str) -> None:
    with pytest.raises(Rejection) as caught:
        await source.rates(["EUR", currency])
    assert caught.value.code in ("fx.rate_unknown", "fx.currency_discontinued")
    assert caught.value.facts["currency"] == currency
    assert len((await source.rates(["EUR", "JPY"])).rates) == 2


@pytest.mark.parametrize("kind", ["file", "http"])
@pytest.mark.parametrize("at", [None, FRIDAY])
async def test_s7_a_source_that_gives_nothing_is_an_outage(
    kind: str, at: date | None, tmp_path: Path
) -> None:
    with pytest.raises(NotDone):
        await broken_source(kind, tmp_path, Clock()).rates(["EUR"], at)


async def test_s8_a_day_is_told_the_same_twice(source: RateSource) -> None:
    assert await source.rates(["JPY"], FRIDAY) == await source.rates(["JPY"], FRIDAY)


# -- what cannot be read ---------------------------------------------------------------------------

BAD = [
    b"",
    b"[]",
    b"null",
    b"[" * 100_000,
    b'{"base": "EUR", "date": "2026-10-30"}',
    b'{"base": "EUR", "date": "2026-10-30", "rates": []}',
    b'{"base": "XXX", "date": "2026-10-30", "rates": {}}',
    b'{"base": ["EUR"], "date": "2026-10-30", "rates": {}}',
    b'{"base": "EUR", "date": "soon", "rates": {"USD": 1.1}}',
    b'{"base": "EUR", "date": 5, "rates": {"USD": 1.1}}',
    b'{"base": "EUR", "date": "2026-10-30", "rates": {"USD": 0}}',
    b'{"base": "EUR", "date": "2026-10-30", "rates": {"USD": -1.1}}',
    b'{"base": "EUR", "date": "2026-10-30", "rates": {"USD": NaN}}',
    b'{"base": "EUR", "date": "2026-10-30", "rates": {"USD": 1e999}}',
    b'{"base": "EUR", "date": "2026-10-30", "rates": {"USD": true}}',
    b'{"base": "EUR", "date": "2026-10-30", "rates": {"USD": 1.1}, "kind": "gossip"}',
    b'{"base": "EUR", "date": "2026-10-30", "rates": {"USD": ' + b"1" * 60 + b"}}",
    b'{"base": "EUR", "date": "2026-10-30", "rates": {"USD": 1.1}}' + b" " * 1_100_000,
    b"\xff\xfe",
]


@pytest.mark.parametrize("data", BAD, ids=range(len(BAD)))
@pytest.mark.parametrize("kind", ["file", "http"])
async def test_what_cannot_be_read_is_an_outage(kind: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rates.json"
    path.write_bytes(data)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(server(body=data)))
    sources: dict[str, RateSource] = {
        "file": FileRates(path, clock=Clock()),
        "http": HttpRates("http://rates", clock=Clock(), client=client),
    }
    with pytest.raises(NotDone):
        await sources[kind].rates(["EUR"])


async def test_digits_beyond_a_float_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "rates.json"
    path.write_text(
        '{"base": "USD", "timestamp": 1790000000, "kind": "executable", "provider": "desk",'
        ' "rates": {"EUR": 0.89509487200000000001}}'
    )
    found = await FileRates(path, clock=Clock()).rates(["EUR"])
    (rate,) = found.rates
    assert Fraction(rate.denominator, rate.numerator) == Fraction("0.89509487200000000001")
    told = (found.provider, found.kind, found.as_of_us)
    assert told == ("desk", "executable", 1_790_000_000_000_000)


# -- only the ECB's history knows ------------------------------------------------------------------


async def test_a_currency_that_ended_is_named_with_its_last_day() -> None:
    history = EcbHistory(clock=Clock())
    with pytest.raises(Rejection) as caught:
        await history.rates(["RUB"])
    assert caught.value.code == "fx.currency_discontinued"
    assert caught.value.facts["last_known"] == "2022-03-01"
    assert len((await history.rates(["RUB"], date(2022, 3, 1))).rates) == 1
    with pytest.raises(Rejection, match="discontinued"):
        await history.rates(["RUB"], date(2022, 3, 3))


async def test_a_currency_before_its_first_rate_is_unknown_not_ended() -> None:
    with pytest.raises(Rejection) as caught:
        await EcbHistory(clock=Clock()).rates(["CNY"], date(1999, 1, 4))
    assert caught.value.code == "fx.rate_unknown"


async def test_a_history_of_another_file_is_read_when_first_asked(tmp_path: Path) -> None:
    path = tmp_path / "some.zip"
    source = EcbHistory(clock=Clock(), path=path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "Date,USD,\n2026-01-05,2,\n2026-01-02,N/A,\n")
    (rate,) = (await source.rates(["EUR"])).rates
    assert (rate.numerator, rate.denominator) == (2, 1)


# -- only a server can be away ---------------------------------------------------------------------


async def test_what_the_server_last_said_is_told_with_its_age() -> None:
    clock, apps = Clock(), [server(), server(500), server(body=b"junk")]

    async def app(*args: Any) -> None:
        await apps[0](*args)

    client = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    source = HttpRates("http://rates", clock=clock, client=client)
    first = await source.rates(["EUR"])
    for _ in range(2):
        apps.pop(0)
        clock.time_us += 60_000_000
        assert await source.rates(["EUR"]) == first


async def test_a_server_that_does_not_answer_is_given_up() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while not reader.at_eof():
            writer.write(b" ")
            await asyncio.sleep(0.05)  # sleeps: the server drips, and never comes to an end
        writer.close()
        gone.set()

    gone = asyncio.Event()
    listener = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    source = HttpRates(f"http://127.0.0.1:{port}", clock=Clock(), timeout_s=0.2)
    try:
        with pytest.raises(NotDone):
            await source.rates(["EUR"])
    finally:
        await source.close()
        await gone.wait()
        listener.close()
        await listener.wait_closed()
