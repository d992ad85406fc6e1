"""Does the platform say that a settlement domain is away for which something waits?"""

from __future__ import annotations

from nostro.settlement import Deed
from nostro.wiring.probes import DomainsProbe
from tests.adapters.domains.scripted import ScriptedDomain
from tests.contracts.domain_stage import Stage, pass_time
from tests.runtime.desk import in_virtual_time


@in_virtual_time
async def test_a_domain_is_away_only_when_something_waits_for_it() -> None:
    domain = ScriptedDomain()
    domain.away = True
    async with Stage(domain, ScriptedDomain("cash")) as stage:
        probe = DomainsProbe(stage.performer.lanes)
        assert (await probe.check()).ok
        stage.ask(Deed.EXECUTE, 1)
        await pass_time(60)
        found = await probe.check()
        assert (found.ok, found.detail) == (False, "equities is away: scripted: away; 1 wait")
        domain.away = False
        await pass_time(60)
        assert (await probe.check()).ok
