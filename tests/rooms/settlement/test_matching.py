"""Two sides that agree: mandatory fields, tolerance, the oldest first."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from nostro.settlement.matching import (
    T2S_LIVE,
    TOLERANCES,
    WITHOUT_END,
    OneSide,
    Tolerance,
    Unmatched,
    _ByAmount,
    agree,
    agreed_amount,
    tolerance_of,
)
from nostro.settlement.terms import Party

SELLER, BUYER = Party
DAY = date(2026, 12, 14).toordinal()
SELLS = OneSide(SELLER, "ann", "bob", "AAPL", 50, "EUR", 752_400, "sec", "bank", DAY, DAY + 2)


def bought(**differs: Any) -> OneSide:
    return msgspec.structs.replace(SELLS, **{"side": BUYER, **differs})


def waiting(*sides: OneSide) -> Unmatched:
    unmatched = Unmatched()
    for number, side in enumerate(sides, 1):
        unmatched.add(number, side)
    return unmatched


# -- mandatory fields ------------------------------------------------------------------------------

OTHER: dict[str, Any] = {
    "seller": "cid",
    "buyer": "cid",
    "security": "TSLA",
    "quantity_minor": 51,
    "cash": "USD",
    "securities_domain": "milan",
    "cash_domain": "milan",
    "trade_day": DAY - 1,
    "settlement_day": DAY + 3,
}


def test_two_sides_that_say_the_same_agree() -> None:
    assert agree(SELLS, bought())
    assert waiting(SELLS).oldest_agreeing(bought()) == 1
    assert waiting(bought()).oldest_agreeing(SELLS) == 1


@pytest.mark.parametrize("name", OTHER)
def test_sides_that_differ_in_a_mandatory_field_do_not_agree(name: str) -> None:
    assert not agree(SELLS, bought(**{name: OTHER[name]}))
    assert waiting(bought(**{name: OTHER[name]})).oldest_agreeing(SELLS) is None


def test_every_field_but_side_amount_and_trade_id_is_mandatory() -> None:
    assert {*OTHER, "side", "amount_minor", "trade_id"} == set(OneSide.__struct_fields__)


def test_the_same_side_twice_does_not_agree() -> None:
    assert not agree(SELLS, SELLS)
    assert waiting(SELLS).oldest_agreeing(SELLS) is None


@pytest.mark.parametrize(
    ("given_id", "sought", "agrees"),
    [("t1", "t1", True), ("t1", "", True), ("", "t1", True), ("", "", True), ("t1", "t2", False)],
)
def test_a_common_reference_is_compared_when_both_give_one(
    given_id: str, sought: str, agrees: bool
) -> None:
    one, other = msgspec.structs.replace(SELLS, trade_id=given_id), bought(trade_id=sought)
    assert agree(one, other) is agrees
    assert waiting(one).oldest_agreeing(other) == (1 if agrees else None)


# -- tolerance -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seller", "buyer", "agrees"),
    [
        (752_400, 752_600, True),
        (752_400, 752_601, False),
        (752_400, 752_200, True),
        (752_400, 752_199, False),
        (10_000_000, 10_000_200, True),
        (10_000_000, 10_000_201, False),
        (10_000_001, 10_002_501, True),
        (10_000_001, 9_997_501, True),
        (10_000_001, 10_002_502, False),
    ],
)
def test_euros_agree_within_two_and_within_25_above_100_000(
    seller: int, buyer: int, agrees: bool
) -> None:
    sells, buys = msgspec.structs.replace(SELLS, amount_minor=seller), bought(amount_minor=buyer)
    assert agree(sells, buys) is agrees
    assert waiting(sells).oldest_agreeing(buys) == (1 if agrees else None)
    assert waiting(buys).oldest_agreeing(sells) == (1 if agrees else None)


def test_other_cash_agrees_to_the_minor_unit() -> None:
    sells = msgspec.structs.replace(SELLS, cash="USD")
    assert agree(sells, bought(cash="USD"))
    assert not agree(sells, bought(cash="USD", amount_minor=752_401))


def test_no_tolerance_holds_before_its_day() -> None:
    assert tolerance_of("EUR", 100, T2S_LIVE) == 200
    assert tolerance_of("EUR", 100, T2S_LIVE - 1) == 0


def test_newer_rows_replace_all_older_ones_from_their_day_on() -> None:
    newer = Tolerance("EUR", DAY, 1_000, 7)
    table = (*TOLERANCES, newer)
    assert tolerance_of("EUR", 1_000, DAY - 1, table) == 200
    assert tolerance_of("EUR", 1_000, DAY, table) == 7
    assert tolerance_of("EUR", 1_001, DAY, table) == 0


def test_the_sellers_amount_is_settled() -> None:
    buys = bought(amount_minor=752_500)
    assert agreed_amount(SELLS, buys) == agreed_amount(buys, SELLS) == 752_400


# -- the oldest ------------------------------------------------------------------------------------


def test_the_oldest_that_agrees_is_found_though_a_younger_one_is_nearer() -> None:
    unmatched = waiting(
        bought(amount_minor=900_000), bought(amount_minor=752_600), bought(amount_minor=752_400)
    )
    assert unmatched.oldest_agreeing(SELLS) == 2
    unmatched.remove(2)
    assert unmatched.oldest_agreeing(SELLS) == 3
    unmatched.remove(3)
    assert unmatched.oldest_agreeing(SELLS) is None
    assert 1 in unmatched
    assert len(unmatched) == 1


def test_thousands_that_do_not_agree_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    unmatched = waiting(
        *(
            msgspec.structs.replace(SELLS, amount_minor=SELLS.amount_minor + sign * off)
            for off in range(201, 2_501)
            for sign in (1, -1)
        )
    )
    looked_at: list[int] = []
    between = _ByAmount.between

    def counting(group: _ByAmount, least: int, most: int) -> list[int]:
        found = list(between(group, least, most))
        looked_at.extend(found)
        return found

    monkeypatch.setattr(_ByAmount, "between", counting)
    assert unmatched.oldest_agreeing(bought()) is None
    assert not looked_at


def test_removing_what_does_not_wait_changes_nothing() -> None:
    unmatched = waiting(SELLS)
    unmatched.remove(7)
    assert len(unmatched) == 1


@dataclass
class Twin:
    """Looks at all of them, oldest first."""

    sides: dict[int, OneSide] = field(default_factory=dict)

    def oldest_agreeing(self, side: OneSide) -> int | None:
        return next((n for n, each in sorted(self.sides.items()) if self._agree(each, side)), None)

    def _agree(self, one: OneSide, other: OneSide) -> bool:
        differing = {
            name for name in OneSide.__struct_fields__ if getattr(one, name) != getattr(other, name)
        }
        if one.trade_id == "" or other.trade_id == "":
            differing.discard("trade_id")
        sold = one.amount_minor if one.side is SELLER else other.amount_minor
        near = 0
        if one.cash == other.cash == "EUR":
            near = 200 if sold <= 10_000_000 else 2_500
        if abs(one.amount_minor - other.amount_minor) <= near:
            differing.discard("amount_minor")
        return differing == {"side"}


sides = st.builds(
    OneSide,
    st.sampled_from(Party),
    st.just("ann"),
    st.sampled_from(("bob", "cid")),
    st.just("AAPL"),
    st.sampled_from((50, 60)),
    st.sampled_from(("EUR", "EUR", "USD")),
    st.one_of(
        st.integers(9_999_700, 10_000_300), st.sampled_from((9_997_400, 9_998_000, 10_002_500))
    ),
    st.just("sec"),
    st.just("bank"),
    st.just(DAY),
    st.just(DAY + 2),
    st.sampled_from(("", "t1", "t2")),
)
steps = st.lists(st.one_of(sides, st.integers(1, 30)), max_size=40)


@settings(max_examples=300)
@given(steps)
def test_the_index_answers_as_its_slow_twin_does(script: list[OneSide | int]) -> None:
    index, twin = Unmatched(), Twin()
    for number, step in enumerate(script, 1):
        if isinstance(step, int):
            index.remove(step)
            twin.sides.pop(step, None)
            continue
        found = twin.oldest_agreeing(step)
        assert index.oldest_agreeing(step) == found
        if found is None:
            index.add(number, step)
            twin.sides[number] = step
        else:
            index.remove(found)
            del twin.sides[found]
        assert len(index) == len(twin.sides)


def test_thousands_that_wait_alike_do_not_make_it_look_at_each() -> None:
    looked_at = 0

    class Counted(OneSide, frozen=True):
        @property
        def mandatory(self) -> tuple[str, str, str, int, str, str, str, int, int]:
            nonlocal looked_at
            looked_at += 1
            return super().mandatory

    unmatched = Unmatched()
    alike = Counted(*(getattr(bought(), name) for name in OneSide.__struct_fields__))
    for number in range(1, 5_001):
        unmatched.add(number, alike)
    looked_at = 0
    assert unmatched.oldest_agreeing(SELLS) == 1
    assert looked_at <= 2


def test_the_table_has_no_gap_and_ends_without_end() -> None:
    for cash in {row.cash for row in TOLERANCES}:
        for since in {row.valid_from for row in TOLERANCES if row.cash == cash}:
            ends = [
                row.up_to_minor for row in TOLERANCES if (row.cash, row.valid_from) == (cash, since)
            ]
            assert max(ends) == WITHOUT_END
            assert len(ends) == len(set(ends))
