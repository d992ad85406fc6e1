"""What must our side of a settlement domain do? Numbered.

D1  Orders of many effects that wait are merged into few calls, each of one deed.
D2  No more calls are under way than agreed, and what is begun is finished first.
D3  A domain that is away is asked for its head in growing pauses, gets nothing else, and loses
    nothing.
D4  An answer that is lost, late or missing is met by asking again.
D5  An answered order is told before an unanswered one of the same effect; the effect is settled
    with the last.
D6  One that cannot be answered blocks no other.
D7  Answers that come together are told in one row, and settle all their effects.
D8  A hold that nobody wants any more is not sent.
D9  The epoch is that of the moment of sending; who is fenced tells nothing.
D10 A domain that contradicts what it said gets nothing until somebody opens it (these tests are in
    test_domain_doubts.py).
D11 Performing everything again, as after a restart, is harmless.
D12 Refusals are told with their code, and what is lacking.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from nostro.adapters.domains.lane import DROPPED
from nostro.adapters.domains.port import CLOSED, LACKING, Executed, Held, Refused, Released
from nostro.kernel.movement import Lacking
from nostro.settlement import (
    Deed,
    DeedResult,
    NoteDeeds,
    Outcome,
)
from tests.adapters.domains.scripted import ScriptedDomain
from tests.contracts.domain_stage import TERMS, Stage, name, pass_time
from tests.runtime.desk import in_virtual_time


@in_virtual_time
async def test_d1_what_waits_goes_in_few_calls_of_one_deed_each() -> None:
    domain = ScriptedDomain()
    domain.gate.clear()
    async with Stage(domain) as stage:
        for number in range(1, 8):
            stage.ask(Deed.HOLD, number)
        stage.ask(Deed.RELEASE, 90)
        await pass_time(1)
        domain.gate.set()
        await pass_time(1)
        assert domain.asked("release") == [[name(90)]]
        assert sorted(map(len, domain.asked("hold"))) == [3, 4]
        assert len(stage.settled()) == 8


@in_virtual_time
async def test_d2_no_more_calls_are_under_way_than_agreed() -> None:
    domain = ScriptedDomain()
    domain.gate.clear()
    async with Stage(domain) as stage:
        stage.ask(Deed.HOLD, *range(1, 21))
        await pass_time(1)
        assert len(domain.asked("hold")) == TERMS.calls_max
        domain.gate.set()
        await pass_time(1)
        assert domain.under_way_max == TERMS.calls_max
        assert set(stage.outcomes().values()) == {Outcome.HELD}


@in_virtual_time
async def test_d2_an_execution_goes_before_holds_that_came_first() -> None:
    domain = ScriptedDomain()
    domain.stands[name(90)] = Held("equities:1")
    domain.gate.clear()
    async with Stage(domain) as stage:
        stage.ask(Deed.HOLD, *range(1, 21))
        stage.ask(Deed.EXECUTE, 90)
        await pass_time(1)
        domain.gate.set()
        await pass_time(1)
        assert [deed for deed, _ in domain.calls].index("execute") <= TERMS.calls_max + 1


@in_virtual_time
async def test_d3_a_domain_that_is_away_gets_nothing_but_questions_for_its_head() -> None:
    domain = ScriptedDomain()
    domain.away = True
    async with Stage(domain) as stage:
        effect_id = stage.ask(Deed.HOLD, 1, 2, 3)
        await pass_time(60)
        assert {deed for deed, _ in domain.calls} == {"head"}
        assert 30 <= len(domain.calls) <= 40
        assert not stage.performer.lanes["equities"].is_there
        domain.away = False
        await pass_time(TERMS.pause_last_s * 2)
        assert stage.outcomes() == dict.fromkeys((1, 2, 3), Outcome.HELD)
        assert stage.settled() == [effect_id]


@in_virtual_time
async def test_d3_a_domain_that_goes_away_meanwhile_loses_no_order() -> None:
    domain = ScriptedDomain()
    async with Stage(domain) as stage:
        stage.ask(Deed.HOLD, 1)
        await pass_time(1)
        domain.away = True
        for number in range(2, 30):
            stage.ask(Deed.HOLD, number)
        await pass_time(30)
        domain.away = False
        await pass_time(30)
        assert stage.outcomes() == dict.fromkeys(range(1, 30), Outcome.HELD)
        assert len(stage.settled()) == 29


@in_virtual_time
async def test_d3_one_domain_that_is_away_holds_no_other_up() -> None:
    here, gone = ScriptedDomain("cash"), ScriptedDomain("equities")
    gone.away = True
    async with Stage(here, gone) as stage:
        stage.ask(Deed.HOLD, 1, domain="equities")
        stage.ask(Deed.HOLD, 2, domain="cash")
        await pass_time(1)
        assert stage.outcomes() == {2: Outcome.HELD}


@in_virtual_time
async def test_d4_a_lost_answer_is_asked_for_again_and_told_once() -> None:
    domain = ScriptedDomain()
    domain.deaf = True
    async with Stage(domain) as stage:
        stage.ask(Deed.HOLD, 1, 2)
        await pass_time(1)
        assert stage.told == []
        domain.deaf = False
        await pass_time(10)
        assert [result.reference for result in stage.results()] == ["equities:1", "equities:1"]


@in_virtual_time
async def test_d4_an_answer_that_takes_too_long_is_given_up() -> None:
    domain = ScriptedDomain()
    domain.gate.clear()
    async with Stage(domain) as stage:
        stage.ask(Deed.HOLD, 1)
        await pass_time(TERMS.answer_s_max * 2)
        assert stage.told == []
        domain.gate.set()
        await pass_time(TERMS.answer_s_max * 2)
        assert stage.outcomes() == {1: Outcome.HELD}


@in_virtual_time
async def test_d5_what_is_answered_is_told_although_another_order_of_the_effect_is_not() -> None:
    domain = ScriptedDomain()
    domain.silent = {name(2)}
    async with Stage(domain) as stage:
        effect_id = stage.ask(Deed.HOLD, 1, 2, 3)
        await pass_time(60)
        assert stage.outcomes() == {1: Outcome.HELD, 3: Outcome.HELD}
        assert stage.settled() == []
        domain.silent.clear()
        await pass_time(TERMS.pause_last_s * 2)
        assert stage.outcomes()[2] is Outcome.HELD
        assert stage.settled() == [effect_id]
        assert {rounds[0] for rounds in domain.asked("hold")[1:]} == {name(2)}


@in_virtual_time
async def test_d6_an_order_that_makes_every_call_fail_keeps_no_other_from_being_done() -> None:
    domain = ScriptedDomain()
    domain.poison = name(3)
    async with Stage(domain) as stage:
        for number in range(1, 12):
            stage.ask(Deed.HOLD, number)
        await pass_time(60)
        assert stage.outcomes() == dict.fromkeys({*range(1, 12)} - {3}, Outcome.HELD)
        assert domain.calls[-1] in (("hold", [name(3)]), ("head", []))


@in_virtual_time
async def test_d6_a_domain_that_answers_nonsense_is_asked_again() -> None:
    class Short(ScriptedDomain):
        async def hold(self, orders: Sequence[Any]) -> Sequence[Any]:
            return (await super().hold(orders))[: 1 if len(self.calls) > 4 else 0]

    async with Stage(Short()) as stage:
        stage.ask(Deed.HOLD, 1)
        await pass_time(60)
        assert stage.outcomes() == {1: Outcome.HELD}


@pytest.mark.parametrize(
    "answer",
    [
        Held("equities:1\0"),
        Held("equities:1", "c" * 1_000),
        Held("ünsäglich"),
        Refused("not\na code"),
        Refused(""),
        Refused(LACKING, (Lacking("ann", "ACME", 10**60),)),
        Refused(LACKING, (Lacking("ann", "ACME", 1),) * 1_001),
    ],
)
@in_virtual_time
async def test_d6_an_answer_that_no_row_could_hold_is_never_told(answer: Any) -> None:
    class Odd(ScriptedDomain):
        def _answer(self, deed: str, order: Any) -> Any:
            return super()._answer(deed, order) if self.height else answer

    async with Stage(Odd()) as stage:
        stage.ask(Deed.HOLD, 1)
        await pass_time(5)
        assert stage.outcomes() == {1: Outcome.HELD}


@in_virtual_time
async def test_d6_no_height_is_told_that_no_table_holds() -> None:
    class Odd(ScriptedDomain):
        def _answer(self, deed: str, order: Any) -> Any:
            return Held(f"equities:{'9' * 30}")

    async with Stage(Odd()) as stage:
        stage.ask(Deed.HOLD, 1)
        await pass_time(5)
        (told,) = stage.told
        assert isinstance(told.command, NoteDeeds)
        assert told.command.domain_height <= 2**63 - 1


@in_virtual_time
async def test_d6_a_domain_whose_head_is_nonsense_holds_no_other_up() -> None:
    class Odd(ScriptedDomain):
        async def head(self) -> Any:
            raise ValueError("scripted: no head at all")

    async with Stage(ScriptedDomain("cash"), Odd()) as stage:
        stage.ask(Deed.HOLD, 1)
        await pass_time(1)
        stage.ask(Deed.HOLD, 2, domain="cash")
        await pass_time(1)
        assert stage.outcomes() == {2: Outcome.HELD}
        assert "no head" in stage.performer.lanes["equities"].why_not


@in_virtual_time
async def test_d7_answers_that_come_while_others_are_told_make_one_row() -> None:
    domain = ScriptedDomain()
    async with Stage(domain) as stage:
        stage.tell_gate.clear()
        for number in range(1, 30):
            stage.ask(Deed.HOLD, number)
            await pass_time(0.1)
        stage.tell_gate.set()
        await pass_time(1)
        assert len(stage.told) == 2
        assert len(stage.settled()) == 29
        assert len({told.key for told in stage.told}) == 2


@in_virtual_time
async def test_d7_what_is_told_says_how_far_the_domain_is_durable() -> None:
    domain = ScriptedDomain()
    domain.height = 41
    async with Stage(domain) as stage:
        stage.ask(Deed.HOLD, 1)
        await pass_time(1)
        command = stage.told[0].command
        assert isinstance(command, NoteDeeds)
        assert (command.domain, command.deed, command.domain_height) == (
            "equities",
            Deed.HOLD,
            42,
        )


@in_virtual_time
async def test_d8_a_hold_that_nobody_wants_any_more_is_not_sent() -> None:
    domain = ScriptedDomain()
    domain.away = True
    async with Stage(domain) as stage:
        stage.ask(Deed.HOLD, 1, 2)
        await pass_time(10)
        stage.unwanted = {1}
        stage.ask(Deed.RELEASE, 1)
        domain.away = False
        await pass_time(10)
        assert domain.asked("hold") == [[name(2)]]
        assert isinstance(domain.stands[name(1)], Released)
        dropped = [result for result in stage.results() if result.code]
        assert dropped == [DeedResult(1, 1, Outcome.REFUSED, code=DROPPED)]
        assert len(stage.settled()) == 2


@in_virtual_time
async def test_d9_a_zombie_tells_nothing_and_its_successor_is_heard() -> None:
    domain = ScriptedDomain()
    domain.epochs[name(1)] = 8
    async with Stage(domain) as stage:
        stage.ask(Deed.HOLD, 1, 2)
        await pass_time(30)
        assert stage.outcomes() == {2: Outcome.HELD}
        assert name(1) not in domain.stands
        stage.epoch = 9
        await pass_time(TERMS.pause_last_s * 2)
        assert stage.outcomes()[1] is Outcome.HELD


@in_virtual_time
async def test_d11_all_effects_again_are_answered_as_before() -> None:
    domain = ScriptedDomain()
    references = []
    for _ in range(2):
        async with Stage(domain) as stage:
            stage.ask(Deed.HOLD, 1, 2)
            stage.ask(Deed.RELEASE, 3)
            await pass_time(1)
            stage.ask(Deed.EXECUTE, 1)
            await pass_time(1)
            references.append(
                {each.bundle: each.reference for each in stage.results() if each.reference}
            )
            assert len(stage.settled()) == 3
    assert references[0] == references[1]


@in_virtual_time
async def test_d11_a_performer_that_is_run_again_has_lost_nothing() -> None:
    domain = ScriptedDomain()
    domain.gate.clear()
    stage = Stage(domain)
    async with stage:
        stage.ask(Deed.HOLD, 1)
        await pass_time(1)
    domain.gate.set()
    stage.tell_gate.clear()
    async with stage:
        stage.ask(Deed.HOLD, 2)
        await pass_time(1)
    stage.tell_gate.set()
    async with stage:
        await pass_time(1)
        assert stage.outcomes() == {1: Outcome.HELD, 2: Outcome.HELD}
        assert stage.settled() == [(1, 0), (2, 0)]


@in_virtual_time
async def test_d12_a_refused_hold_is_told_with_what_is_lacking() -> None:
    domain = ScriptedDomain()
    lacking = Lacking("ann", "ACME", 3)
    domain.refuses[name(1)] = Refused(LACKING, (lacking,))
    domain.stands[name(2)] = Released("equities:1")
    domain.stands[name(3)] = Executed("equities:1")
    async with Stage(domain) as stage:
        stage.ask(Deed.HOLD, 1, 2, 3)
        stage.ask(Deed.EXECUTE, 4)
        await pass_time(1)
        found = sorted((each.bundle, each.code, *each.lacking) for each in stage.results())
        assert found == [(1, LACKING, lacking), (2, CLOSED), (3, "done"), (4, "unknown")]
        assert {each.outcome for each in stage.results()} == {Outcome.REFUSED}


@in_virtual_time
async def test_a_domain_that_is_not_configured_leaves_the_effect_where_it_is() -> None:
    async with Stage(ScriptedDomain()) as stage:
        stage.ask(Deed.HOLD, 1, domain="elsewhere")
        await pass_time(10)
        assert stage.told == []
