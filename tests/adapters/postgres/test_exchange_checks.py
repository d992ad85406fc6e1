"""Does an audit find what was edited in the views of the exchange, and what the books lack?"""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from nostro.adapters.postgres.evidence import Evidence
from nostro.adapters.postgres.exchange_checks import ExchangeCheck, OrderFundsCheck
from nostro.exchange import (
    AmendmentPlaced,
    AmendmentRefused,
    Fill,
    OrderReduced,
    OrderRefused,
    OrdersClosed,
    OrdersPlaced,
    PlacedOrder,
)
from nostro.kernel.messages import Event
from nostro.ledger import (
    AccountOpened,
    AccountType,
    Limit,
    Line,
    Side as LedgerSide,
    TransfersRecorded,
)
from nostro.runtime.verify import Verdict, audit
from tests.adapters.postgres.exchange_story import (
    FIRST_US,
    LOT,
    Story,
    bought,
    closed,
    deaf_house,
    follow_story,
    purchase,
    rested,
    sale,
    whole_story,
)

TABLES = (
    "markets",
    "fee_schedules",
    "fee_assignments",
    "kill_switches",
    "orders",
    "trades",
    "candles",
    "trading_days",
    "routes",
    "suspended_funds",
)


@pytest.fixture
async def told(wheel_postgres: str) -> str:
    """A database whose views tell the whole story."""
    story = whole_story()
    await story.write(wheel_postgres)
    follow_story(wheel_postgres)
    return wheel_postgres


def verdict(url: str) -> Verdict:
    """Return what the check comes to."""
    with Evidence(url, "main") as evidence:
        report = audit(
            evidence.entries(),
            chain="main",
            decode=deaf_house().codec.decode_events,
            checks=[ExchangeCheck(evidence)],
        )
    return report.verdicts[0]


async def test_views_that_tell_the_truth_are_found_sound(told: str) -> None:
    found = verdict(told)
    assert found.sound, found
    assert found.told == "14 orders, 6 trades, 6 candles, 15 rows of what belongs to them"


async def test_rows_above_the_checkpoint_are_not_missed(told: str) -> None:
    with psycopg.connect(told) as connection:
        connection.execute("DELETE FROM nostro.projection_checkpoint")
        for table in TABLES:
            connection.execute(f"TRUNCATE nostro.{table}".encode())
    assert verdict(told).sound


EDITS = {
    "a live order that holds more": (
        "UPDATE nostro.orders SET reserved = 752 WHERE number = 12",
        "order 12 is not shown as it stands",
    ),
    "a filled order brought back to life": (
        "UPDATE nostro.orders SET closed_height = NULL WHERE number = 1",
        "order 1 is not shown as it stands",
    ),
    "another owner": (
        "UPDATE nostro.orders SET user_id = 'mallory' WHERE number = 2",
        "order 2 is not shown as it stands",
    ),
    "another client order id": (
        "UPDATE nostro.orders SET client_order_id = 'x' WHERE number = 1",
        "order 1 is not shown as it stands",
    ),
    "an ended order less": ("DELETE FROM nostro.orders WHERE number = 5", "order 5 is not shown"),
    "a live order less": ("DELETE FROM nostro.orders WHERE number = 14", "order 14 is not shown"),
    "an order more": (
        "UPDATE nostro.orders SET number = 99 WHERE number = 12",
        "a false order 99 is shown",
    ),
    "a nicer price": (
        "UPDATE nostro.trades SET price = 199 WHERE trade = 2",
        "trade 2 is shown with price 199, it was 200",
    ),
    "a fee less": (
        "UPDATE nostro.trades SET maker_fee = 0 WHERE trade = 3",
        "trade 3 is shown with maker_fee 0, it was -1",
    ),
    "a trade less": (
        "DELETE FROM nostro.trades WHERE trade = 4",
        "trade 4 is not shown, or a false one before it",
    ),
    "a trade more": (
        "INSERT INTO nostro.trades SELECT 7, at_us, height, sequence, price, lots, taker_order,"
        " maker_order, route, value, taker_fee, maker_fee, market, side, taker_user_id,"
        " maker_user_id, provider FROM nostro.trades WHERE trade = 6",
        "a trade is shown that never was",
    ),
    "a higher high": (
        f"UPDATE nostro.candles SET high = 201 WHERE start_us = {FIRST_US}",
        f"the candle of ADA-USD at {FIRST_US} is not as it was traded",
    ),
    "a candle less": (
        f"DELETE FROM nostro.candles WHERE start_us = {FIRST_US}",
        f"the candle of ADA-USD at {FIRST_US} is not shown",
    ),
    "a candle more": (
        "UPDATE nostro.candles SET start_us = 0 WHERE close = 101 AND span_s = 60",
        "the candle of ADA-USD at 0 is not as it was traded",
    ),
    "fees that were not earned": (
        "UPDATE nostro.trading_days SET taker_fees = 0 WHERE day = '2023-11-14'",
        "trading_days: ADA-USD 2023-11-14 is shown with another taker_fees",
    ),
    "another rule": (
        "UPDATE nostro.markets SET rules = '{}' WHERE market = 'ADA-USD'",
        "markets: ADA-USD is shown with another rules",
    ),
    "another fee": (
        "UPDATE nostro.fee_schedules SET taker_ppm = 0 WHERE name = 'vip'",
        "fee_schedules: vip is shown with another taker_ppm",
    ),
    "another schedule": (
        "UPDATE nostro.fee_assignments SET schedule = 'vip' WHERE user_id = 'bob'",
        "fee_assignments: bob is shown with another schedule",
    ),
    "a kill switch let go": (
        "UPDATE nostro.kill_switches SET engaged = false WHERE user_id = 'mallory'",
        "kill_switches: mallory is shown with another engaged",
    ),
    "a route less": ("DELETE FROM nostro.routes WHERE route = 3", "routes: 3 is not shown"),
    "money that was never released": (
        "UPDATE nostro.suspended_funds SET state = 'released' WHERE suspension = 1",
        "suspended_funds: 1 is shown with another state",
    ),
}


@pytest.mark.parametrize("edit", EDITS)
async def test_an_edited_row_is_named(told: str, edit: str) -> None:
    statement, told_so = EDITS[edit]
    with psycopg.connect(told) as connection:
        assert connection.execute(statement.encode()).rowcount
    found = verdict(told)
    assert not found.sound
    assert told_so in found.told


# -- the books ----------------------------------------------------------------------------------

ALICE, BOB, EARNED, WALLETS_USD, WALLETS_ADA = range(1, 6)


def opened(number: int, id_: str) -> AccountOpened:
    """Return that an account is there."""
    return AccountOpened(
        number, id_, id_[-3:], AccountType.LIABILITY, LedgerSide.CREDIT, Limit.NONE, 0, "", None
    )


def accounts() -> list[Event]:
    """Return the accounts of these tests."""
    return [
        opened(ALICE, "orders:alice:ADA"),
        opened(BOB, "orders:bob:USD"),
        opened(EARNED, "earnings:USD"),
        opened(WALLETS_USD, "wallet:x:USD"),
        opened(WALLETS_ADA, "wallet:x:ADA"),
    ]


def moved(*moves: tuple[int, int, int]) -> TransfersRecorded:
    """Return lines of (debit, credit, amount)."""
    return TransfersRecorded([Line("t", debit, credit, minor) for debit, credit, minor in moves])


def funds(*rows: list[Event]) -> Verdict:
    """Return what the check of the books comes to, over rows of events."""
    story = Story()
    for events in rows:
        story.happen(*events)
    report = audit(
        story.entries,
        chain="main",
        decode=story.house.codec.decode_events,
        checks=[OrderFundsCheck()],
    )
    return report.verdicts[0]


def placed(user: str, order: PlacedOrder, account: int, wallet: int) -> list[Event]:
    """Return an order and what is held for it."""
    return [OrdersPlaced(user, [order]), moved((wallet, account, order.reserved_minor))]


def both() -> list[list[Event]]:
    """Return rows after which Alice sells 10 at 200, and Bob has 822 cents to buy 4."""
    return [
        accounts(),
        [*placed("alice", sale(1, 10, 200), ALICE, WALLETS_ADA), rested(1, "alice", 10, 200)],
        placed("bob", purchase(2, 4, 205, reserved_minor=822), BOB, WALLETS_USD),
    ]


def traded(*, fee: int = 2, released: int = 20) -> Event:
    """Return that Bob takes 4 of Alice's."""
    return bought(2, "bob", [Fill(1, 1, "alice", 200, 4, 800, 1, fee, 6)], released=released)


PAID = ((ALICE, WALLETS_ADA, 4 * LOT), (BOB, WALLETS_USD, 799), (BOB, EARNED, 3))


def test_books_that_hold_what_orders_reserve_are_sound() -> None:
    found = funds(
        *both(),
        [traded(), moved(*PAID, (BOB, WALLETS_USD, 20))],
        [
            OrderReduced("ADA-USD", 3, 1, "alice", 9, 5, "ADA", LOT, 3, "amended"),
            moved((ALICE, WALLETS_ADA, LOT)),
        ],
        [
            AmendmentPlaced("ADA-USD", 1, "alice", 20, 200, "ADA", 11 * LOT, 4),
            AmendmentRefused("ADA-USD", 1, "alice", "ledger.insufficient_funds"),
        ],
        [
            OrdersPlaced("carl", [purchase(3, 1, 10)]),
            OrderRefused("ADA-USD", 3, "carl", "exchange.insufficient_funds"),
        ],
        [
            OrdersClosed("ADA-USD", 4, "cancelled", [closed(1, "alice", 5, 5 * LOT)]),
            moved((ALICE, WALLETS_ADA, 5 * LOT)),
        ],
    )
    assert found.sound, found
    assert (
        found.told
        == "0 live orders hold what they reserve, 3 ended with nothing held, 2 fees earned"
    )


def test_what_was_earned_may_be_taken_out() -> None:
    paid = moved(*PAID, (BOB, WALLETS_USD, 20))
    assert funds(*both(), [traded(), paid], [moved((EARNED, WALLETS_USD, 2))]).sound
    found = funds(*both(), [moved((EARNED, WALLETS_USD, 2))], [traded(fee=1, released=21), paid])
    assert "earnings:USD has 1; trades come to 0" in found.told


WRONGS: dict[str, tuple[Callable[[], list[list[Event]]], str]] = {
    "funds that were never held": (
        lambda: [accounts(), [OrdersPlaced("bob", [purchase(1, 1, 10)])]],
        "orders:bob:USD has 0; its orders need 11",
    ),
    "a leg that was never booked": (
        lambda: [*both(), [traded(), moved(*PAID[1:], (BOB, WALLETS_USD, 20))]],
        f"orders:alice:ADA has {10 * LOT}; its orders need {6 * LOT}",
    ),
    "a fee that went elsewhere": (
        lambda: [*both(), [traded(), moved(*PAID[:2], (BOB, WALLETS_USD, 23))]],
        "earnings:USD has 0; trades come to 3",
    ),
    "a hold that leaks": (
        lambda: [*both(), [traded(released=19), moved(*PAID, (BOB, WALLETS_USD, 19))]],
        "order 2 ended with 1 still held for it",
    ),
    "an order that spends what it does not have": (
        lambda: [*both(), [traded(fee=23, released=0), moved(*PAID)]],
        "order 2 spends 1 more than is held for it",
    ),
    "money that moved without an order": (
        lambda: [*both(), [moved((ALICE, WALLETS_ADA, 1))]],
        f"orders:alice:ADA has {10 * LOT - 1}; its orders need {10 * LOT}",
    ),
}


@pytest.mark.parametrize("wrong", WRONGS)
def test_books_that_differ_from_the_orders_are_named(wrong: str) -> None:
    rows, told_so = WRONGS[wrong]
    found = funds(*rows())
    assert not found.sound
    assert told_so in found.told
