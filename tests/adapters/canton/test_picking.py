"""Which holdings does a round take, when others take some too?"""

from __future__ import annotations

import asyncio

from hypothesis import given, strategies as st

from nostro.adapters.domains.canton.answers import ActiveContract, ContractEntry, CreatedEvent
from nostro.adapters.domains.canton.ledger_view import LedgerView
from nostro.adapters.domains.canton.model import Instrument
from nostro.adapters.domains.canton.picking import INPUTS_MAX, Busy, Need, Picked, Picking, Short
from tests.adapters.canton.test_submitting import TERMS

BOND = Instrument(admin="iss", id="BOND1")


def view_of(*amounts: int, owner: str = "alice") -> LedgerView:
    view = LedgerView(TERMS)
    for number, amount in enumerate(amounts):
        created = CreatedEvent(
            offset=1,
            node_id=number,
            contract_id=f"00{owner}{number:04}",
            template_id="ab:Nostro.Holding:Holding",
            create_argument={
                "owner": owner,
                "instrument": {"admin": "iss", "id": "BOND1"},
                "amount": str(amount),
                "lock": None,
            },
        )
        active = ActiveContract(created_event=created, synchronizer_id="s")
        view.hear_active(ContractEntry(active=active))
    return view


def need(amount: int, owner: str = "alice") -> Need:
    return Need(owner, BOND, amount)


def picked_amounts(answer: object) -> list[tuple[list[int], list[int]]]:
    assert isinstance(answer, list)
    return [
        ([piece.amount_minor for piece in each.pieces], list(each.change_minor))
        for each in answer
        if isinstance(each, Picked)
    ]


def test_the_smallest_holding_that_is_enough_is_taken() -> None:
    answer = Picking().pick(view_of(500, 90, 100, 120), [need(95)])
    assert picked_amounts(answer) == [([100], [5])]


def test_where_none_is_enough_the_largest_are_merged() -> None:
    answer = Picking().pick(view_of(10, 40, 30, 20), [need(65)])
    assert picked_amounts(answer) == [([40, 30], [5])]


def test_two_locks_of_one_owner_take_different_holdings() -> None:
    answer = Picking().pick(view_of(100, 100), [need(100), need(60)])
    assert picked_amounts(answer) == [([100], []), ([100], [40])]


def test_who_has_too_little_is_named_with_all_that_is_free() -> None:
    assert Picking().pick(view_of(10, 20), [need(31)]) == [Short(need(31), 30)]
    assert Picking().pick(view_of(10), [need(1, "bob")]) == [Short(need(1, "bob"), 0)]


def test_what_others_have_taken_is_waited_for() -> None:
    picking, view = Picking(), view_of(100)
    first = picking.pick(view, [need(60)])
    assert isinstance(first, list)
    with picking.taken([each for each in first if isinstance(each, Picked)]):
        assert picking.pick(view, [need(30)]) == Busy(need(30))
        assert picking.pick(view, [need(101)]) == [Short(need(101), 100)]
    assert picked_amounts(picking.pick(view, [need(30)])) == [([100], [70])]


def test_what_lies_in_too_many_holdings_is_not_available_at_once() -> None:
    view = view_of(*([1] * (INPUTS_MAX + 5)))
    assert Picking().pick(view, [need(INPUTS_MAX + 1)]) == [Short(need(INPUTS_MAX + 1), INPUTS_MAX)]


async def test_change_comes_in_pieces_while_others_wait_for_it() -> None:
    picking, view = Picking(), view_of(1_000)
    first = picking.pick(view, [need(100)])
    assert isinstance(first, list)
    with picking.taken([each for each in first if isinstance(each, Picked)]):
        waiting = [
            asyncio.create_task(picking.another_is_through(Busy(need(100)))) for _ in range(3)
        ]
        await asyncio.sleep(0)
        other = view_of(1_000)
        free = Picking()
        free._waiting = picking._waiting
        assert picked_amounts(free.pick(other, [need(100)])) == [([1_000], [225] * 4)]
        assert picked_amounts(free.pick(other, [need(400)])) == [([1_000], [600])]
    await asyncio.gather(*waiting)
    assert not picking._waiting


@given(
    st.lists(st.integers(1, 1_000), max_size=12),
    st.lists(st.integers(1, 1_500), min_size=1, max_size=4),
)
def test_nothing_is_taken_twice_and_nothing_is_lost(holdings: list[int], needs: list[int]) -> None:
    answer = Picking().pick(view_of(*holdings), [need(each) for each in needs])
    if isinstance(answer, Busy):
        assert sum(holdings) >= max(needs)
        return
    picked = [each for each in answer if isinstance(each, Picked)]
    ids = [piece.contract_id for each in picked for piece in each.pieces]
    assert len(ids) == len(set(ids))
    for each in picked:
        inputs = sum(piece.amount_minor for piece in each.pieces)
        assert inputs == each.need.amount_minor + sum(each.change_minor)
        assert all(amount > 0 for amount in each.change_minor)
    for short in answer:
        if isinstance(short, Short):
            assert short.available_minor < short.need.amount_minor
