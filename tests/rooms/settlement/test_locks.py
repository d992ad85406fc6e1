"""What a round earmarks and moves: net locks, gross legs, domains with securities first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given, strategies as st

from nostro.kernel.movement import Lock, Move
from nostro.settlement.events import RoundPart
from nostro.settlement.locks import parts_of
from nostro.settlement.terms import Tranche


class Deal(NamedTuple):
    seller: str
    buyer: str
    security: str = "AAPL"
    cash: str = "USDC"
    securities_domain: str = "sec"
    cash_domain: str = "bank"
    prefunded: bool = False


Leg = tuple[Deal, Tranche]


def leg(deal: Deal, quantity: int = 10, amount: int = 100) -> Leg:
    return deal, Tranche(1, quantity, amount)


def names(parts: Sequence[RoundPart]) -> list[str]:
    return [part.domain for part in parts]


def test_a_settlement_locks_what_each_side_gives_and_moves_both_legs() -> None:
    assert parts_of([leg(Deal("ann", "bob"))]) == [
        RoundPart("sec", [Lock("ann", "AAPL", 10)], [Move("ann", "bob", "AAPL", 10)]),
        RoundPart("bank", [Lock("bob", "USDC", 100)], [Move("bob", "ann", "USDC", 100)]),
    ]


def test_domains_with_securities_stand_first_then_the_others_each_by_name() -> None:
    parts = parts_of(
        [
            leg(Deal("ann", "bob", securities_domain="zurich", cash_domain="bank")),
            leg(Deal("ann", "bob", securities_domain="milan", cash_domain="abc")),
        ]
    )
    assert names(parts) == ["milan", "zurich", "abc", "bank"]


def test_a_domain_with_securities_and_cash_stands_once() -> None:
    parts = parts_of(
        [
            leg(Deal("ann", "bob", securities_domain="zurich", cash_domain="milan")),
            leg(Deal("bob", "ann", "TSLA", securities_domain="milan", cash_domain="zurich"), 5, 40),
        ]
    )
    assert names(parts) == ["milan", "zurich"]
    assert parts[0].moves == [Move("bob", "ann", "USDC", 100), Move("bob", "ann", "TSLA", 5)]
    assert parts[1].locks == [Lock("ann", "AAPL", 10), Lock("ann", "USDC", 40)]


def test_who_passes_on_what_it_buys_locks_only_the_difference() -> None:
    parts = parts_of([leg(Deal("ann", "bob"), 10, 100), leg(Deal("bob", "cid"), 10, 110)])
    assert parts[0].locks == [Lock("ann", "AAPL", 10)]
    assert parts[1].locks == [Lock("cid", "USDC", 110)]
    assert len(parts[0].moves) == len(parts[1].moves) == 2


def test_a_part_where_all_nets_out_has_moves_and_no_lock() -> None:
    ring = [leg(Deal(*each)) for each in (("ann", "bob"), ("bob", "cid"), ("cid", "ann"))]
    assert [part.locks for part in parts_of(ring)] == [[], []]
    assert [len(part.moves) for part in parts_of(ring)] == [3, 3]


def test_the_same_asset_is_not_netted_across_domains() -> None:
    parts = parts_of(
        [
            leg(Deal("ann", "bob", securities_domain="milan")),
            leg(Deal("bob", "ann", securities_domain="zurich")),
        ]
    )
    assert parts[0].locks == [Lock("ann", "AAPL", 10)]
    assert parts[1].locks == [Lock("bob", "AAPL", 10)]


def test_what_was_set_aside_is_given_in_full_and_netted_with_nothing() -> None:
    parts = parts_of(
        [
            leg(Deal("ann", "bob", prefunded=True)),
            leg(Deal("bob", "ann", prefunded=True)),
            leg(Deal("bob", "ann"), 4),
        ]
    )
    assert parts[0].locks == [
        Lock("ann", "AAPL", 10, prefunded=True),
        Lock("bob", "AAPL", 10, prefunded=True),
        Lock("bob", "AAPL", 4),
    ]
    assert [move.prefunded for move in parts[0].moves] == [True, True, False]


people = st.sampled_from("abc")
deals = st.builds(
    Deal,
    people,
    people,
    st.sampled_from(("AAPL", "TSLA")),
    st.sampled_from(("USDC", "EUR")),
    st.sampled_from(("sec", "x", "both")),
    st.sampled_from(("bank", "both")),
    st.booleans(),
).filter(lambda deal: deal.seller != deal.buyer)
amounts = st.integers(1, 50)
books = st.lists(st.tuples(deals, st.builds(Tranche, st.just(1), amounts, amounts)), max_size=12)

Purse = tuple[str, str, str, bool]
"""Domain, party, asset, and whether it was set aside."""


def after(parts: Sequence[RoundPart], purses: Counter[Purse]) -> Counter[Purse]:
    """Return what is in each purse when everything has moved. What had been set aside is not
    counted where it arrives: no lock counts on it."""
    left = Counter(purses)
    for part in parts:
        for move in part.moves:
            left[part.domain, move.source, move.asset, move.prefunded] -= move.amount_minor
            if not move.prefunded:
                left[part.domain, move.target, move.asset, False] += move.amount_minor
    return left


def locked(parts: Sequence[RoundPart]) -> Counter[Purse]:
    return Counter(
        {
            (part.domain, lock.party, lock.asset, lock.prefunded): lock.amount_minor
            for part in parts
            for lock in part.locks
        }
    )


@given(books)
def test_what_is_locked_is_enough_for_all_that_moves_and_not_a_unit_more(book: list[Leg]) -> None:
    parts = parts_of(book)
    purses = locked(parts)
    assert sum(len(part.locks) for part in parts) == len(purses)
    left = after(parts, purses)
    assert min(left.values(), default=0) >= 0
    assert {left[purse] for purse in purses} <= {0}


@given(books)
def test_every_leg_moves_once_and_in_full_at_its_domain(book: list[Leg]) -> None:
    told = Counter((part.domain, move) for part in parts_of(book) for move in part.moves)
    twin = Counter[tuple[str, Move]]()
    for deal, tranche in book:
        quantity, amount, aside = tranche.quantity_minor, tranche.amount_minor, deal.prefunded
        twin[
            deal.securities_domain, Move(deal.seller, deal.buyer, deal.security, quantity, aside)
        ] += 1
        twin[deal.cash_domain, Move(deal.buyer, deal.seller, deal.cash, amount, aside)] += 1
    assert told == twin


@given(books)
def test_the_order_of_parts_depends_on_names_only(book: list[Leg]) -> None:
    parts = parts_of(book)
    securities = sorted({deal.securities_domain for deal, _ in book})
    cash_only = sorted({deal.cash_domain for deal, _ in book} - set(securities))
    assert names(parts) == securities + cash_only
    assert names(parts_of(book[::-1])) == names(parts)
