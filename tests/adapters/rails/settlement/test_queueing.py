"""What settles at the central bank: in turn, past others, in pairs, all at once, and never below
zero."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, strategies as st

from nostro.adapters.rails.settlement.queueing import Transfer, clear

NOBODY: frozenset[str] = frozenset()


def names(settled: list[Transfer]) -> list[str]:
    return [each.name for each in settled]


def test_what_is_covered_settles_in_the_order_of_priority_and_arrival() -> None:
    queue = [
        Transfer("late", "a", "b", 10, priority=1),
        Transfer("first", "a", "b", 10),
        Transfer("second", "a", "b", 10),
    ]
    assert names(clear(queue, {"a": 30}, unlimited=NOBODY)) == ["first", "second", "late"]
    assert names(clear(queue, {"a": 20}, unlimited=NOBODY)) == ["first", "second"]


def test_a_payment_that_is_covered_passes_one_that_is_not() -> None:
    queue = [Transfer("big", "a", "b", 100), Transfer("small", "a", "b", 10)]
    assert names(clear(queue, {"a": 50}, unlimited=NOBODY)) == ["small"]


def test_incoming_money_pays_for_what_waits() -> None:
    queue = [Transfer("out", "a", "b", 50), Transfer("in", "c", "a", 50)]
    assert names(clear(queue, {"c": 50}, unlimited=NOBODY)) == ["in", "out"]


def test_two_that_offset_each_other_settle_together() -> None:
    queue = [Transfer("ab", "a", "b", 100), Transfer("ba", "b", "a", 90)]
    assert names(clear(queue, {"a": 10}, unlimited=NOBODY)) == ["ab", "ba"]
    assert clear(queue, {"a": 9}, unlimited=NOBODY) == []


def test_a_ring_without_money_settles_all_at_once() -> None:
    ring = [
        Transfer("ab", "a", "b", 100),
        Transfer("bc", "b", "c", 100),
        Transfer("ca", "c", "a", 100),
    ]
    assert sorted(names(clear(ring, {}, unlimited=NOBODY))) == ["ab", "bc", "ca"]


def test_what_the_ring_cannot_carry_is_left_out_the_last_one_first() -> None:
    ring = [
        Transfer("ab", "a", "b", 100),
        Transfer("bc", "b", "c", 100),
        Transfer("ca", "c", "a", 100),
        Transfer("too much", "a", "d", 1),
    ]
    assert sorted(names(clear(ring, {}, unlimited=NOBODY))) == ["ab", "bc", "ca"]


def test_an_unlimited_account_pays_without_money() -> None:
    queue = [Transfer("out", "ours", "b", 50)]
    assert names(clear(queue, {}, unlimited=frozenset({"ours"}))) == ["out"]


transfers = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from("abcd"),
        st.integers(1, 100),
        st.integers(0, 1),
    ).filter(lambda each: each[0] != each[1]),
    max_size=7,
)
money = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 120))


@given(transfers, money)
def test_no_account_ends_below_zero_and_nothing_is_made_or_lost(
    drawn: list[tuple[str, str, int, int]], balances: dict[str, int]
) -> None:
    queue = [Transfer(str(number), *each) for number, each in enumerate(drawn)]
    before = dict(balances)
    settled = clear(queue, balances, unlimited=NOBODY)
    assert balances == before
    after = {name: balances.get(name, 0) for name in "abcd"}
    for each in settled:
        after[each.debtor] -= each.amount_minor
        after[each.creditor] += each.amount_minor
    assert min(after.values()) >= 0
    assert sum(after.values()) == sum(balances.values())
    assert len(set(names(settled))) == len(settled)


@given(transfers, money)
def test_what_is_left_has_no_single_one_or_pair_that_could_settle(
    drawn: list[tuple[str, str, int, int]], balances: dict[str, int]
) -> None:
    """The slow twin: every set of one or two of those left, tried in full."""
    queue = [Transfer(str(number), *each) for number, each in enumerate(drawn)]
    settled = clear(queue, balances, unlimited=NOBODY)
    held = {name: balances.get(name, 0) for name in "abcd"}
    for each in settled:
        held[each.debtor] -= each.amount_minor
        held[each.creditor] += each.amount_minor
    gone = set(names(settled))
    left = [each for each in queue if each.name not in gone]
    assert not any(_fits([each], held) for each in left)
    heads: dict[tuple[str, str], Transfer] = {}
    for each in sorted(left, key=lambda one: one.priority):
        heads.setdefault((each.debtor, each.creditor), each)
    for one, other in combinations(heads.values(), 2):
        if (one.debtor, one.creditor) == (other.creditor, other.debtor):
            assert not _fits([one, other], held)


def _fits(chosen: list[Transfer], held: dict[str, int]) -> bool:
    now = dict(held)
    for each in chosen:
        now[each.debtor] -= each.amount_minor
        now[each.creditor] += each.amount_minor
    return min(now.values()) >= 0
