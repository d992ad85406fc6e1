"""When does our side of a settlement domain not believe it? (D10 of test_domain_performer.py.)"""

from __future__ import annotations

import pytest

from nostro.adapters.domains.port import Executed, Held, Released
from nostro.adapters.domains.standing import Standing
from nostro.settlement import (
    Deed,
    Denial,
    DomainState,
    Outcome,
    SetDomainState,
)
from tests.adapters.domains.scripted import ScriptedDomain
from tests.contracts.domain_stage import TERMS, Stage, name, pass_time
from tests.runtime.desk import in_virtual_time


@in_virtual_time
async def test_d10_a_domain_that_is_behind_is_quarantined_before_it_gets_anything() -> None:
    domain = ScriptedDomain()
    domain.height = 10
    async with Stage(domain) as stage:
        stage.standings["equities"] = Standing(height=11)
        effect_id = stage.ask(Deed.EXECUTE, 1)
        await pass_time(60)
        (told,) = stage.told
        assert told.command == SetDomainState(
            domain="equities",
            state=DomainState.QUARANTINED,
            reason="it is at height 10, and was at 11",
            denied=Denial(height=11),
        )
        assert [deed for deed, _ in domain.calls] == ["head", "head"]
        domain.stands[name(1)] = Held("equities:1")
        stage.standings.clear()
        stage.barred.clear()
        await pass_time(TERMS.pause_last_s * 2)
        assert stage.settled() == [effect_id]


@in_virtual_time
async def test_d10_a_domain_that_was_quiet_is_asked_for_its_head_before_it_gets_anything() -> None:
    domain = ScriptedDomain()
    async with Stage(domain) as stage:
        stage.ask(Deed.HOLD, 1)
        await pass_time(TERMS.quiet_s_max * 2)
        stage.ask(Deed.HOLD, 2)
        await pass_time(TERMS.quiet_s_max / 2)
        stage.ask(Deed.HOLD, 3)
        await pass_time(1)
        assert [deed for deed, _ in domain.calls] == ["head", "hold", "head", "hold", "hold"]
        domain.height, domain.stands = 0, {}  # restored, while nobody looked
        stage.standings["equities"] = Standing(height=3)
        await pass_time(TERMS.quiet_s_max * 2)
        stage.ask(Deed.HOLD, 4)
        await pass_time(10)
        assert "equities" in stage.barred
        assert domain.stands == {}


@in_virtual_time
async def test_d10_a_domain_that_does_not_know_what_it_held_is_looked_at_before_that_is_told() -> (
    None
):
    domain = ScriptedDomain()
    async with Stage(domain) as stage:
        stage.ask(Deed.HOLD, 1)
        await pass_time(0.1)
        domain.stands.clear()  # restored, in no time
        stage.standings["equities"] = Standing(held=[name(1)])
        stage.ask(Deed.EXECUTE, 1)
        await pass_time(10)
        assert "equities" in stage.barred
        assert stage.outcomes() == {1: Outcome.HELD}, "that it is stuck would be no news"


@in_virtual_time
async def test_d10_an_answer_from_below_the_highest_height_makes_it_a_suspect() -> None:
    domain = ScriptedDomain()
    domain.height = 7
    async with Stage(domain) as stage:
        stage.ask(Deed.HOLD, 1)
        await pass_time(0.1)
        domain.height, domain.stands = 2, {}
        stage.standings["equities"] = Standing(height=8)
        stage.ask(Deed.HOLD, 2)
        await pass_time(0.1)
        stage.ask(Deed.HOLD, 3)
        await pass_time(10)
        assert "equities" in stage.barred
        assert name(3) not in domain.stands


@pytest.mark.parametrize(
    ("said", "now"),
    [
        ("held", None),
        ("held", Released("equities:1")),
        ("executed", None),
        ("executed", Held("equities:1")),
    ],
)
@in_virtual_time
async def test_d10_a_domain_that_forgot_what_it_did_is_quarantined(
    said: str, now: Held | Released | None
) -> None:
    domain = ScriptedDomain()
    if now is not None:
        domain.stands[name(5)] = now
    async with Stage(domain) as stage:
        held, executed = ([name(5)], []) if said == "held" else ([], [name(5)])
        stage.standings["equities"] = Standing(held=held, executed=executed)
        stage.ask(Deed.HOLD, 1)
        await pass_time(10)
        (told,) = stage.told
        assert isinstance(told.command, SetDomainState)
        assert told.command.denied == (Denial(held=(5, 1)) if said == "held" else None)
        assert domain.asked("hold") == []


@in_virtual_time
async def test_d10_a_domain_that_executed_what_it_held_contradicts_nothing() -> None:
    domain = ScriptedDomain()
    domain.stands[name(5)] = Executed("equities:1")
    async with Stage(domain) as stage:
        stage.standings["equities"] = Standing(held=[name(5)])
        stage.ask(Deed.HOLD, 1)
        await pass_time(1)
        assert stage.outcomes() == {1: Outcome.HELD}


@in_virtual_time
async def test_d10_a_domain_that_somebody_bars_gets_nothing_more() -> None:
    domain = ScriptedDomain()
    async with Stage(domain) as stage:
        stage.ask(Deed.HOLD, 1)
        await pass_time(1)
        stage.barred.add("equities")
        stage.ask(Deed.HOLD, 2)
        await pass_time(30)
        assert stage.outcomes() == {1: Outcome.HELD}
        stage.barred.clear()
        await pass_time(TERMS.pause_last_s * 2)
        assert stage.outcomes()[2] is Outcome.HELD
