"""Do custody and the ledger tell one story, each round by itself?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from nostro.custody import ExecuteHolds, NewHold, PlaceHolds, RoundOrder
from nostro.flows import books
from nostro.kernel.movement import Lock, Move
from nostro.ledger import (
    Action,
    CloseAccount,
    CreateTransfers,
    CreateTransfersTogether,
    LineKind,
    NewTransfer,
    OpenAccounts,
    TransfersRecorded,
)
from nostro.ledger.content import is_id
from tests.flows.depository import BOND, EUR, Depository, holding, sale


def depository(**bonds: int) -> Depository:
    """Return a domain whose parties have so many bonds."""
    domain = Depository()
    for party, amount in bonds.items():
        assert domain.give(party, BOND, amount).accepted
    return domain


def lines(domain: Depository) -> list[LineKind]:
    """Return what the ledger did in the last row."""
    return [
        LineKind(line.kind)
        for event in domain.rows[-1]
        if isinstance(event, TransfersRecorded)
        for line in event.lines
    ]


# -- refusals --------------------------------------------------------------------------------------


def test_a_wallet_into_which_a_decided_leg_goes_cannot_be_closed() -> None:
    domain = depository(alice=100)
    passing_on = holding(
        "r1", sale(), sale(seller="bob", buyer="carl"), locks=[Lock("alice", BOND, 100)]
    )
    assert domain.hold(passing_on) == ["held"]
    for party in ("bob", "carl"):
        no = domain.tell(CloseAccount(account=f"wallet:{party}:{BOND}"))
        assert no.code == "ledger.account_has_pending"
    assert domain.execute("r1") == ["executed"]
    assert domain.money("carl") == (100, 0)
    assert domain.tell(CloseAccount(account=f"wallet:bob:{BOND}")).accepted
    assert not domain.books.holds
    domain.check()


def test_what_is_released_holds_no_wallet_open() -> None:
    domain = depository(alice=100)
    passing_on = holding(
        "r1", sale(), sale(seller="bob", buyer="carl"), locks=[Lock("alice", BOND, 100)]
    )
    domain.hold(passing_on)
    assert domain.release("r1") == ["released"]
    assert domain.tell(CloseAccount(account=f"wallet:carl:{BOND}")).accepted
    assert not domain.books.holds
    domain.check()


def test_rounds_of_more_parties_than_one_command_to_the_ledger_names_are_held_all_the_same() -> (
    None
):
    domain = depository(alice=11_000)
    lacking = [
        holding(
            f"r{each}",
            *(sale(1, seller=f"s{each}.{n}", buyer=f"b{each}.{n}") for n in range(1_000)),
        )
        for each in range(11)
    ]
    assert domain.hold(*lacking) == ["custody.lacking"] * 11
    selling = [
        holding(
            f"t{each}",
            *(sale(1, buyer=f"c{each}.{n}") for n in range(1_000)),
            locks=[Lock("alice", BOND, 1_000)],
        )
        for each in range(11)
    ]
    assert domain.hold(*selling) == ["held"] * 11
    domain.check()


def test_a_round_that_lacks_something_touches_no_other() -> None:
    domain = depository(alice=250, carol=5)
    told = domain.hold(
        holding("r1", sale()),
        holding("r2", sale(50), sale(10, seller="carol")),
        holding("r3", sale(10, seller="carol"), sale(50)),
        holding("r4", sale()),
        holding("r5", sale(60)),
        holding("r6", sale(50)),
    )
    assert told == [
        "held",
        "custody.lacking",
        "custody.lacking",
        "held",
        "custody.lacking",
        "held",
    ]
    assert domain.money("alice") == (250, 250)
    assert domain.money("carol") == (5, 0)
    domain.check()


def test_everything_that_is_lacking_is_told_with_what_there_is() -> None:
    domain = depository(alice=60, carol=5)
    domain.give("bob", EUR, 300)
    moves = (sale(), sale(5, seller="carol"), Move("bob", "alice", EUR, 301))
    reply = domain.tell(PlaceHolds(holds=[holding("r1", *moves)]))
    (told,) = reply.body["results"]
    assert told["facts"]["lacking"] == [["alice", BOND, 60], ["bob", EUR, 300]]
    domain.check()


def test_what_another_round_of_the_call_has_taken_is_not_available() -> None:
    domain = depository(alice=150)
    reply = domain.tell(PlaceHolds(holds=[holding("r1", sale()), holding("r2", sale())]))
    assert reply.body["results"][1]["facts"]["lacking"] == [["alice", BOND, 50]]


def test_who_never_had_anything_lacks_it_and_an_asset_nobody_has_is_unknown() -> None:
    domain = depository(alice=1)
    reply = domain.tell(PlaceHolds(holds=[holding("r1", sale(seller="dave"))]))
    assert reply.body["results"][0]["facts"]["lacking"] == [["dave", BOND, 0]]
    none = Move("alice", "bob", "NONE1", 1)
    assert domain.hold(holding("r2", sale(1), none), holding("r3", sale(1))) == [
        "custody.account_unknown",
        "held",
    ]
    domain.check()


def test_an_asset_nobody_has_is_unknown_though_nothing_of_it_is_locked() -> None:
    domain = depository(alice=100)
    ring = (Move("alice", "bob", "NONE1", 1), Move("bob", "alice", "NONE1", 1))
    locks = [Lock("alice", BOND, 100)]
    assert domain.hold(holding("r1", sale(), *ring, locks=locks)) == ["custody.account_unknown"]
    assert domain.money("alice") == (100, 0)
    domain.check()


@pytest.mark.parametrize("frozen", ["wallet:alice:BOND1", "wallet:bob:BOND1"])
def test_a_blocked_account_refuses_its_round_and_no_other(frozen: str) -> None:
    domain = depository(alice=200, bob=200, carol=200)
    domain.freeze(frozen)
    other = holding("r2", sale(seller="carol", buyer="dave"))
    assert domain.hold(holding("r1", sale()), other) == ["custody.account_blocked", "held"]
    domain.unfreeze(frozen)
    assert domain.hold(holding("r1", sale())) == ["held"]
    domain.check()


def test_a_round_that_was_refused_is_held_once_what_lacked_is_there() -> None:
    domain = depository(alice=60)
    for _ in range(3):
        assert domain.hold(holding("r1", sale())) == ["custody.lacking"]
    domain.give("alice", BOND, 40)
    assert domain.hold(holding("r1", sale())) == ["held"]
    assert domain.execute("r1") == ["executed"]
    domain.check()


def test_an_account_frozen_after_the_hold_is_stuck_and_moves_when_it_may() -> None:
    domain = depository(alice=300)
    two = [Lock("alice", BOND, 150)]
    domain.hold(
        holding("r1", sale()),
        holding("r2", sale(buyer="carol"), sale(50), locks=two),
        holding("r3", sale(50)),
    )
    domain.freeze("wallet:alice:BOND1")
    for _ in range(3):
        assert domain.execute("r1", "r2") == ["custody.stuck", "custody.stuck"]
    assert domain.money("alice") == (300, 300)
    assert domain.release("r3") == ["released"]
    domain.unfreeze("wallet:alice:BOND1")
    assert domain.execute("r1", "r2") == ["executed", "executed"]
    assert domain.money("alice") == (50, 0)
    domain.check()


def test_what_is_stuck_touches_no_other_round_of_the_call() -> None:
    domain = depository(alice=100, carol=100)
    domain.hold(holding("r1", sale()), holding("r2", sale(seller="carol", buyer="dave")))
    domain.freeze("wallet:bob:BOND1")
    reply = domain.tell(ExecuteHolds(rounds=[RoundOrder("r1", 1), RoundOrder("r2", 1)]))
    stuck, done = reply.body["results"]
    assert (stuck["code"], stuck["facts"]) == ("custody.stuck", {"why": "ledger.credit_frozen"})
    assert done == {"round_id": "r2", "stage": "executed", "height": domain.height}
    domain.check()


# -- the books -------------------------------------------------------------------------------------


def test_a_lock_that_covers_one_leg_is_posted() -> None:
    domain = depository(alice=100)
    domain.hold(holding("r1", sale()))
    assert lines(domain) == [LineKind.HELD]
    domain.execute("r1")
    assert lines(domain) == [LineKind.HOLD_POSTED]
    assert domain.money("bob") == (100, 0)
    domain.check()


def test_a_lock_that_covers_several_legs_is_voided_and_each_leg_is_recorded() -> None:
    domain = depository(alice=160)
    locks = [Lock("alice", BOND, 150)]
    domain.hold(holding("r1", sale(), sale(50, buyer="carol"), locks=locks))
    domain.execute("r1")
    assert lines(domain) == [LineKind.HOLD_VOIDED] * 3 + [LineKind.POSTED] * 2
    assert [domain.money(each)[0] for each in ("alice", "bob", "carol")] == [10, 100, 50]
    domain.check()


def test_of_a_lock_that_is_larger_than_its_leg_the_rest_comes_back() -> None:
    domain = depository(alice=150)
    domain.hold(holding("r1", sale(), locks=[Lock("alice", BOND, 120)]))
    assert domain.money("alice") == (150, 120)
    domain.execute("r1")
    assert (domain.money("alice"), domain.money("bob")) == ((50, 0), (100, 0))
    domain.check()


def test_who_passes_on_what_he_gets_needs_nothing_and_all_legs_are_recorded() -> None:
    domain = depository(alice=100)
    domain.give("bob", EUR, 1_000)
    moves = (
        sale(seller="bob", buyer="carol"),
        sale(),
        Move("bob", "alice", EUR, 900),
        Move("carol", "bob", EUR, 950),
    )
    locks = [Lock("alice", BOND, 100), Lock("carol", EUR, 950)]
    assert domain.hold(holding("r1", *moves, locks=locks)) == ["custody.lacking"]
    domain.give("carol", EUR, 950)
    assert domain.hold(holding("r1", *moves, locks=locks)) == ["held"]
    assert domain.execute("r1") == ["executed"]
    assert [domain.money(each)[0] for each in ("alice", "bob", "carol")] == [0, 0, 100]
    assert [domain.money(each, EUR)[0] for each in ("alice", "bob", "carol")] == [900, 1_050, 0]
    domain.check()


def test_a_ring_needs_no_lock_and_moves_though_nobody_has_anything() -> None:
    domain = depository(alice=1, bob=1, carol=1)
    ring = (sale(), sale(seller="bob", buyer="carol"), sale(seller="carol", buyer="alice"))
    assert domain.hold(holding("r1", *ring, locks=[])) == ["held"]
    assert lines(domain) == [LineKind.HELD] * 3
    assert domain.execute("r1") == ["executed"]
    assert lines(domain) == [LineKind.HOLD_VOIDED] * 3 + [LineKind.POSTED] * 6
    assert [domain.money(each)[0] for each in ("alice", "bob", "carol")] == [1, 1, 1]
    assert domain.hold(holding("r2", *ring, locks=[])) == ["held"]
    assert domain.release("r2") == ["released"]
    domain.check()


def test_what_was_prefunded_leaves_where_it_was_set_aside() -> None:
    domain = depository(alice=100)
    domain.tell(OpenAccounts(accounts=books.unsettled_accounts("alice", BOND)))
    aside = NewTransfer(
        id="aside", debit="wallet:alice:BOND1", credit="unsettled:alice:BOND1", amount_minor=100
    )
    domain.tell(CreateTransfersTogether(transfers=[aside]))
    move = Move("alice", "bob", BOND, 100, True)
    assert domain.hold(holding("r1", sale()), holding("r2", move)) == ["custody.lacking", "held"]
    assert domain.execute("r2") == ["executed"]
    assert (domain.money("alice"), domain.money("bob")) == ((0, 0), (100, 0))
    domain.check()


def test_more_rounds_than_one_command_to_the_ledger_takes_are_each_by_themselves() -> None:
    domain = depository(alice=5_000)
    rounds = 30
    holds = []
    for number in range(rounds):
        moves = [sale(1, buyer=f"b{n}") for n in range(400)]
        moves += [sale(1, seller=f"b{n}", buyer="alice") for n in range(400)]
        lacking = number == 7
        locks = [Lock("alice", BOND, 10_000)] if lacking else []
        moves += [sale(10_000, buyer="carol")] if lacking else []
        holds.append(NewHold(f"r{number}", 1, locks, moves))
    told = domain.hold(*holds)
    assert [number for number, each in enumerate(told) if each != "held"] == [7]
    done = domain.execute(*(f"r{number}" for number in range(rounds)))
    assert [number for number, each in enumerate(done) if each != "executed"] == [7]
    assert domain.money("alice") == (5_000, 0)
    domain.check()


def test_the_longest_names_fit_the_ledger_and_belong_to_flows() -> None:
    round_id, many = "r" * 100, 99_999_999
    names = [
        books.earmark_id(round_id, many, 999),
        books.earmark_void_id(round_id, many, 999),
        f"{books.settle_stem(round_id, many)}:1000.out",
        books.issue_id("i" * 64),
    ]
    assert all(is_id(name) for name in names)
    assert all(name.startswith(books.RESERVED_TRANSFER_PREFIXES) for name in names)
    assert all(
        name.startswith(books.FLOW_ACCOUNT_PREFIXES)
        for name in (books.issuer_account(BOND), books.clearing_account(BOND))
    )


# -- any story -------------------------------------------------------------------------------------

PARTIES = ["alice", "bob", "carol"]
MOVES = st.builds(
    lambda pair, asset, amount: Move(pair[0], pair[1], asset, amount),
    st.permutations(PARTIES),
    st.sampled_from([BOND, EUR]),
    st.integers(1, 60),
)


def _netted(moves: list[Move]) -> list[Lock]:
    net: dict[tuple[str, str], int] = {}
    for move in moves:
        for party, sign in ((move.source, 1), (move.target, -1)):
            place = (party, move.asset)
            net[place] = net.get(place, 0) + sign * move.amount_minor
    return [Lock(party, asset, amount) for (party, asset), amount in net.items() if amount > 0]


@settings(max_examples=120, deadline=None)
@given(st.lists(st.lists(MOVES, min_size=1, max_size=5), min_size=1, max_size=8), st.data())
def test_any_rounds_move_what_they_say_or_nothing(rounds: list[list[Move]], data: Any) -> None:
    domain = depository(alice=100, bob=50)
    for party in PARTIES:
        domain.give(party, BOND, 1)
        domain.give(party, EUR, 70)
    owned = {
        (party, asset): domain.money(party, asset)[0] for party in PARTIES for asset in (BOND, EUR)
    }
    holds = [holding(f"r{n}", *moves, locks=_netted(moves)) for n, moves in enumerate(rounds)]
    told = domain.hold(*holds)
    domain.check()
    for number, moves in enumerate(rounds):
        if told[number] != "held" or data.draw(st.booleans()):
            assert domain.release(f"r{number}") == ["released"]
            continue
        assert domain.execute(f"r{number}") == ["executed"]
        for move in moves:
            owned[move.source, move.asset] -= move.amount_minor
            owned[move.target, move.asset] += move.amount_minor
    for (party, asset), amount in owned.items():
        assert domain.money(party, asset) == (amount, 0)
    domain.check()


# -- who else writes to the ledger -----------------------------------------------------------------


def test_a_hold_of_custody_is_no_use_to_anybody_else() -> None:
    """The door refuses reserved names; should one come through, the round is stuck, not lost."""
    domain = depository(alice=100)
    domain.hold(holding("r1", sale()))
    theft = NewTransfer(id="theft", action=Action.VOID, refers_to=books.earmark_id("r1", 1, 0))
    domain.tell(CreateTransfers(transfers=[theft]))
    assert domain.execute("r1") == ["custody.stuck"]
    assert domain.money("alice") == (100, 0)
