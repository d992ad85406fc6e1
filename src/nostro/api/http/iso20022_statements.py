"""How does a bank read its settlement account as a camt.053 or a camt.054?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from nostro.adapters import iso20022 as iso
from nostro.api.http import iso20022_examples as examples
from nostro.api.http.iso20022 import XML, new_message_id, now_us, spoken_xml
from nostro.api.http.ledger_reads import AtLeast
from nostro.api.http.participants import ParticipantPath
from nostro.api.operations import Call, Handler, Operation, Result
from nostro.api.problems import ProblemRaised, Spoken
from nostro.api.times import microseconds
from nostro.api.words import AssetCode, Moment
from nostro.ledger import AsOf, Statement, StatementLine
from nostro.payments import ParticipantView

PAGE = 1_000
"""Lines that are read at a time."""
PAGES_MAX = 64
"""Holds stand among the lines too, so there are more of them than entries."""


class StatementQuery(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Of which account, and of which time; both moments are included. Without `from` the last day
    is told, without `to` all until now."""

    currency: AssetCode
    from_: Moment | None = None
    to: Moment | None = None
    at_least: AtLeast | None = None


class _Account(NamedTuple):
    """What a message about an account is made of."""

    owner: ParticipantView
    told: Statement
    lines: list[StatementLine]
    period: iso.Period


async def get_camt053(call: Call, query: StatementQuery) -> Spoken:
    """Tell of an account with its balances."""
    return await _told(call, query, iso.statement)


async def get_camt054(call: Call, query: StatementQuery) -> Spoken:
    """Tell the debits and credits of an account."""
    return await _told(call, query, iso.notification)


async def _told(call: Call, query: StatementQuery, write: Callable[..., bytes]) -> Spoken:
    account = await _account(call, query)
    message = await asyncio.to_thread(
        write,
        account.owner,
        account.told,
        account.lines,
        period=account.period,
        message_id=new_message_id(),
        at_us=now_us(),
    )
    return spoken_xml(message)


async def _account(call: Call, query: StatementQuery) -> _Account:
    """Return the account with every line of the period; raises ProblemRaised."""
    desk, participant_id = call.desk, call.params.participant_id
    await desk.fresh(query.at_least)
    to = query.to or datetime.now(UTC)
    period = iso.Period(microseconds(query.from_ or to - timedelta(days=1)), microseconds(to))
    if period.from_us > period.to_us or period.from_us < 1:
        raise ProblemRaised("iso20022.bad_period")
    owner = await desk.platform.payments.participant(participant_id)
    if owner is None:
        raise ProblemRaised(
            "payments.participant_unknown", facts={"participant_id": participant_id}
        )
    if query.currency not in owner.currencies:
        facts = {"participant_id": participant_id, "currency": query.currency}
        raise ProblemRaised("payments.currency_not_held", facts=facts)
    lines: list[StatementLine] = []
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        told = await desk.platform.ledger.statement(
            f"vostro:{participant_id}:{query.currency}",
            after=AsOf(at_us=period.from_us - 1),
            until=AsOf(at_us=period.to_us),
            cursor=cursor,
            limit=PAGE,
        )
        if told is None:
            raise ProblemRaised("ledger.account_not_found")
        lines += [line for line in told.lines if line.change_minor]
        cursor = told.next_cursor
        if cursor is None:
            return _Account(owner, told, lines, period)
    raise ProblemRaised("iso20022.too_many_entries", facts={"count_max": iso.ENTRIES_MAX})


def _of_account(name: str, message: str, summary: str, handler: Handler) -> Operation:
    problems: tuple[Any, ...] = (
        "payments.participant_unknown",
        "payments.currency_not_held",
        "iso20022.bad_period",
        "iso20022.too_many_entries",
        "iso20022.not_a_currency",
        "iso20022.unavailable",
        "views.behind",
        "views.unavailable",
    )
    return Operation(
        name=name,
        method="GET",
        path=f"/api/v1/participants/{{participant_id}}/{message}",
        tag="iso20022",
        summary=summary,
        description="What is booked between two moments; a hold moves nothing.",
        handler=handler,
        query=StatementQuery,
        params=ParticipantPath,
        problems=problems,
        results={
            200: Result(description="The message.", example=examples.OUT[message], media_type=XML)
        },
    )


OPERATIONS = (
    _of_account("getCamt053", "camt.053", "A settlement account as a camt.053", get_camt053),
    _of_account("getCamt054", "camt.054", "Debits and credits as a camt.054", get_camt054),
)
