"""On which days, and until when, can each currency be settled?

Holidays come from the `holidays` library (financial markets where a settlement system has its own
calendar, else the bank and public holidays of the country); hours from the table below, in local
time, so that daylight saving is taken into account for each day. The hours are from common
knowledge and were not held against the systems' own pages: whoever relies on one checks it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
import msgspec

from nostro.payments import CLOSED_DAY, DAY_MINUTES, BusinessSchedule, CurrencyDays

MARGIN_MINUTES = 60
"""So long before its settlement system closes we stop taking payments in a currency: to net, to
certify, and to execute with every retry (15 + 31 seconds and more on each of two routes)."""
SLOTS = tuple(hour * 60 for hour in (2, 4, 6, 8, 10, 12, 15, 16, 20, 22))
"""When netting cycles may close, minutes after midnight UTC: 16:00 (15:00 in summer) is the last
one for Europe, 20:00 and 22:00 serve the Americas, the early ones Asia and Oceania."""
WEEKEND = frozenset({5, 6})
FRIDAY_AND_SATURDAY = frozenset({4, 5})
WHEN_UNKNOWN = time(16)
"""For systems whose hours we have not looked up: when banks' counters close in most countries."""


class Source(msgspec.Struct, frozen=True):
    """Where a calendar comes from: a market of `holidays.financial_holidays`, or a country (ISO
    3166-1 alpha-2) with a subdivision and categories beyond `public`."""

    market: str = ""
    country: str = ""
    subdivision: str | None = None
    categories: tuple[str, ...] = ("public",)


class Hours(msgspec.Struct, frozen=True):
    """How a currency is settled: the time zone of its system, when that closes for payments between
    banks, its holidays (all of several sources) and its weekend."""

    zone: str
    closes: time
    sources: tuple[Source, ...]
    weekend: frozenset[int] = WEEKEND


def _of(
    country: str,
    zone: str,
    closes: time = WHEN_UNKNOWN,
    *,
    subdivision: str | None = None,
    categories: tuple[str, ...] = ("public",),
    weekend: frozenset[int] = WEEKEND,
) -> Hours:
    source = Source(country=country, subdivision=subdivision, categories=categories)
    return Hours(zone, closes, (source,), weekend)


_PUBLIC_AND_BANK = ("public", "bank")

HOURS: dict[str, Hours] = {
    # T2 (Eurosystem): RTGS closes at 18:00 CET for interbank payments; closed on TARGET days.
    "EUR": Hours("Europe/Berlin", time(18), (Source(market="TAR"),)),
    # Fedwire Funds Service (Federal Reserve): closes at 19:00 Eastern; Federal Reserve holidays.
    "USD": Hours("America/New_York", time(19), (Source(market="FED"),)),
    # CHAPS (Bank of England): interbank payments until 18:00; holidays of England.
    "GBP": _of("GB", "Europe/London", time(18), subdivision="ENG"),
    # BOJ-NET (Bank of Japan): until 21:00 since 2016, of which 19:00 is what banks count with.
    "JPY": _of("JP", "Asia/Tokyo", time(19), categories=_PUBLIC_AND_BANK),
    # SIC (Swiss National Bank, SIX): the clearing day ends at 18:15, customer payments at 17:00.
    "CHF": Hours(
        "Europe/Zurich",
        time(17),
        (Source(country="CH", subdivision="ZH"), Source(market="SIX")),
    ),
    # Lynx (Payments Canada): until 18:00 Eastern.
    "CAD": _of(
        "CA",
        "America/Toronto",
        time(18),
        subdivision="ON",
        categories=("public", "government"),
    ),
    # RITS (Reserve Bank of Australia): the daily session for all members ends at 16:30.
    "AUD": _of(
        "AU",
        "Australia/Sydney",
        time(16, 30),
        subdivision="NSW",
        categories=_PUBLIC_AND_BANK,
    ),
    "NZD": _of("NZ", "Pacific/Auckland"),
    # RIX-RTGS (Sveriges Riksbank): until 18:00.
    "SEK": _of(
        "SE", "Europe/Stockholm", time(18), categories=("public", "bank", "de_facto", "optional")
    ),
    # NBO (Norges Bank): until 16:30.
    "NOK": _of("NO", "Europe/Oslo", time(16, 30)),
    # Kronos2 (Danmarks Nationalbank): until 15:30; banks also rest on some optional days.
    "DKK": _of("DK", "Europe/Copenhagen", time(15, 30), categories=("public", "optional")),
    "ISK": _of("IS", "Atlantic/Reykjavik"),
    # SORBNET2 (Narodowy Bank Polski): until 18:00, customer payments until 16:00.
    "PLN": _of("PL", "Europe/Warsaw"),
    "CZK": _of("CZ", "Europe/Prague"),
    # VIBER (Magyar Nemzeti Bank): until 18:00, customer payments until 17:00.
    "HUF": _of("HU", "Europe/Budapest", time(17)),
    "RON": _of("RO", "Europe/Bucharest"),
    "TRY": _of("TR", "Europe/Istanbul"),
    "ZAR": _of("ZA", "Africa/Johannesburg"),
    "ILS": _of("IL", "Asia/Jerusalem", weekend=FRIDAY_AND_SATURDAY),
    "AED": _of("AE", "Asia/Dubai"),
    "SAR": _of("SA", "Asia/Riyadh", weekend=FRIDAY_AND_SATURDAY),
    "QAR": _of("QA", "Asia/Qatar", categories=_PUBLIC_AND_BANK, weekend=FRIDAY_AND_SATURDAY),
    "KWD": _of("KW", "Asia/Kuwait", weekend=FRIDAY_AND_SATURDAY),
    "BHD": _of("BH", "Asia/Bahrain", weekend=FRIDAY_AND_SATURDAY),
    "OMR": _of("OM", "Asia/Muscat", weekend=FRIDAY_AND_SATURDAY),
    "JOD": _of("JO", "Asia/Amman", weekend=FRIDAY_AND_SATURDAY),
    "EGP": _of("EG", "Africa/Cairo", weekend=FRIDAY_AND_SATURDAY),
    "MAD": _of("MA", "Africa/Casablanca"),
    # CNAPS (People's Bank of China): the high-value system closes at 17:15; a weekend on which
    # people work in place of a holiday counts as closed here.
    "CNY": _of("CN", "Asia/Shanghai", time(17, 15)),
    # CHATS (Hong Kong Interbank Clearing): until 18:30.
    "HKD": _of("HK", "Asia/Hong_Kong", time(18, 30)),
    # MEPS+ (Monetary Authority of Singapore): until 19:00, customer payments until 18:30.
    "SGD": _of("SG", "Asia/Singapore", time(18, 30)),
    # BOK-Wire+ (Bank of Korea): until 17:30.
    "KRW": _of("KR", "Asia/Seoul", time(17, 30), categories=_PUBLIC_AND_BANK),
    "TWD": _of("TW", "Asia/Taipei"),
    "INR": _of("IN", "Asia/Kolkata", subdivision="MH"),
    "THB": _of("TH", "Asia/Bangkok", categories=_PUBLIC_AND_BANK),
    "MYR": _of("MY", "Asia/Kuala_Lumpur", subdivision="14"),
    "IDR": _of("ID", "Asia/Jakarta", categories=("public", "government")),
    "PHP": _of("PH", "Asia/Manila"),
    "VND": _of("VN", "Asia/Ho_Chi_Minh"),
    "MXN": _of("MX", "America/Mexico_City"),
    # STR (Banco Central do Brasil): until 18:30.
    "BRL": _of("BR", "America/Sao_Paulo", time(18, 30)),
    "CLP": _of("CL", "America/Santiago", categories=_PUBLIC_AND_BANK),
    "COP": _of("CO", "America/Bogota"),
    "PEN": _of("PE", "America/Lima"),
}


def years_around(today: date) -> range:
    """Return the years of which calendars are made: from last year to the year after next."""
    return range(today.year - 1, today.year + 3)


def business_schedule(
    years: Iterable[int],
    *,
    currencies: Collection[str] = tuple(HOURS),
    slots: Collection[int] = SLOTS,
) -> BusinessSchedule:
    """Return the schedule of these years (see `years_around`); outside them all is closed, so a
    platform must be started again, or be given a new schedule, once a year.

    Raises ValueError for a currency that is not in HOURS.
    """
    unknown = sorted(set(currencies) - HOURS.keys())
    if unknown:
        raise ValueError(f"no hours are known for {', '.join(unknown)}")
    span = sorted(set(years))
    return BusinessSchedule(
        {currency: currency_days(HOURS[currency], span) for currency in sorted(currencies)},
        sorted(slots),
    )


def currency_days(hours: Hours, years: Collection[int]) -> CurrencyDays:
    """Return the days of one currency, from the first day of the first year to the last day of the
    last one."""
    first, last = date(min(years), 1, 1), date(max(years), 12, 31)
    shut = {day for source in hours.sources for day in _holidays(source, years)}
    zone = ZoneInfo(hours.zone)
    return CurrencyDays(
        first.toordinal(),
        tuple(
            CLOSED_DAY
            if day in shut or day.weekday() in hours.weekend
            else _cut_off(day, hours.closes, zone)
            for day in map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1))
        ),
    )


def _cut_off(day: date, closes: time, zone: ZoneInfo) -> int:
    """Return until which minute of a day, counted from midnight UTC, payments are taken; a day that
    ends later in its zone ends with the day here."""
    local = datetime.combine(day, closes, tzinfo=zone) - timedelta(minutes=MARGIN_MINUTES)
    since = local.astimezone(UTC) - datetime.combine(day, time(), tzinfo=UTC)
    return max(0, min(since // timedelta(minutes=1), DAY_MINUTES - 1))


def _holidays(source: Source, years: Collection[int]) -> Collection[date]:
    if source.market:
        return holidays.financial_holidays(source.market, years=years).keys()
    return holidays.country_holidays(
        source.country,
        subdiv=source.subdivision,
        years=years,
        categories=source.categories,
    ).keys()


SECURITIES: dict[str, tuple[Source, ...]] = {
    # T2S closes on the same days as T2.
    "T2S": (Source(market="XECB"),),
    # DTC: taken to settle whenever New York's exchange trades.
    "DTC": (Source(market="XNYS"),),
    # SIFMA's recommendations for the bond market of the United States.
    "XSIF": (Source(market="XSIF"),),
}
"""Calendars of securities settlement systems, from common knowledge like the hours above."""


def settlement_calendars(years: Collection[int]) -> dict[str, frozenset[int]]:
    """Return on which days (ordinals) each calendar settles: one for each currency, by its code,
    and those of SECURITIES."""
    first, last = date(min(years), 1, 1), date(max(years), 12, 31)
    days = range(first.toordinal(), last.toordinal() + 1)
    calendars = {}
    for code, hours in HOURS.items():
        table = currency_days(hours, years)
        calendars[code] = frozenset(day for day in days if table.cut_off(day) != CLOSED_DAY)
    for name, sources in SECURITIES.items():
        shut = {day for source in sources for day in _holidays(source, years)}
        calendars[name] = frozenset(
            day
            for day in days
            if (when := date.fromordinal(day)) not in shut and when.weekday() not in WEEKEND
        )
    return calendars
