"""Does the operator of a participant's double issue once what he was asked to issue?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.canton_double import CantonDouble
from nostro.adapters.domains.canton_double.keeping import Keeping
from nostro.adapters.domains.http_own import DomainLine, HttpAdmin
from nostro.adapters.domains.own import Holding, Issued
from nostro.adapters.domains.served import office_app
from nostro.kernel.messages import Rejection
from nostro.runtime.ports import NotDone
from nostro.wiring.processes import Child

TOKEN = "office"


@pytest.fixture
async def double(tmp_path: Path) -> AsyncIterator[CantonDouble]:
    one = CantonDouble(clock=SystemClock(), directory=tmp_path)
    yield one
    await one.close()


async def issue(keeping: Keeping | HttpAdmin, **said: Any) -> Issued:
    asked = {"reference": "i1", "party": "alice", "asset": "AAPL", "scale": 0, "amount_minor": 30}
    return await keeping.issue(**{**asked, **said})


async def code_of(keeping: Keeping, **said: Any) -> str:
    """Return the code with which an issue is refused."""
    with pytest.raises(Rejection) as caught:
        await issue(keeping, **said)
    return caught.value.code


async def test_an_issue_that_cannot_be_is_refused_and_leaves_nothing(double: CantonDouble) -> None:
    keeping = Keeping(double.ledger, double.admin)
    before = double.ledger.end
    assert await code_of(keeping, reference="") == "custody.bad_reference"
    assert await code_of(keeping, party="") == "custody.bad_party"
    assert await code_of(keeping, amount_minor=0) == "custody.bad_amount"
    assert await code_of(keeping, amount_minor=10**38) == "custody.bad_amount"
    assert double.ledger.end == before


async def test_an_issue_that_is_sent_again_is_done_once(double: CantonDouble) -> None:
    keeping = Keeping(double.ledger, double.admin)
    first, again = await issue(keeping), await issue(keeping)
    assert (first.exists, again.exists) == (False, True)
    assert first.height == again.height == double.ledger.end
    assert await code_of(keeping, amount_minor=31) == "custody.reference_exists"
    assert await code_of(keeping, party="bob") == "custody.reference_exists"
    assert (await keeping.holdings("alice")).holdings == [Holding("AAPL", 0, 30, 30)]


async def test_what_was_issued_outlives_the_participant(tmp_path: Path) -> None:
    first = CantonDouble(clock=SystemClock(), directory=tmp_path)
    await issue(Keeping(first.ledger, first.admin), asset="USD", scale=2)
    await first.close()
    second = CantonDouble(clock=SystemClock(), directory=tmp_path)
    keeping = Keeping(second.ledger, second.admin)
    assert (await issue(keeping, asset="USD", scale=2)).exists
    assert (await keeping.holdings("alice")).holdings == [Holding("USD", 2, 30, 30)]
    assert await code_of(keeping, reference="i2", asset="USD", scale=3) == "custody.scale_differs"
    await second.close()


async def test_what_is_taken_out_must_be_there_and_free(double: CantonDouble) -> None:
    keeping = Keeping(double.ledger, double.admin)
    await issue(keeping)
    await issue(keeping, reference="i2", amount_minor=12)
    assert await code_of(keeping, reference="o1", amount_minor=-43) == "custody.lacking"
    assert not (await issue(keeping, reference="o1", amount_minor=-35)).exists
    assert (await keeping.holdings("alice")).holdings == [Holding("AAPL", 0, 7, 7)]
    await issue(keeping, reference="o2", amount_minor=-7)
    assert (await keeping.holdings("alice")).holdings == []


async def test_accounts_are_parties_whatever_they_are_called(double: CantonDouble) -> None:
    keeping = Keeping(double.ledger, double.admin)
    names = ("alice", "a.b-c_d", "coordinator", "account-1", "x" * 40)
    for number, party in enumerate(names, start=1):
        await issue(keeping, reference=f"i{number}", party=party, amount_minor=number)
    told = [(await keeping.holdings(party)).holdings[0].owned_minor for party in names]
    assert told == [1, 2, 3, 4, 5]
    page = await keeping.balances()
    assert sum(each.balance_minor for each in page.balances) == 15
    assert page.next == 0
    assert (await keeping.holdings("nobody")).holdings == []


async def test_the_operator_is_reached_from_another_process_as_at_a_domain_of_ours(
    double: CantonDouble,
) -> None:
    keeping = Keeping(double.ledger, double.admin)
    office = httpx.ASGITransport(office_app(keeping, token=TOKEN))
    line = DomainLine("http://canton", token=TOKEN, transport=office)
    admin = HttpAdmin(line)
    assert not (await issue(admin)).exists
    assert (await admin.holdings("alice")).holdings == [Holding("AAPL", 0, 30, 30)]
    with pytest.raises(Rejection, match="reference_exists"):
        await issue(admin, amount_minor=31)
    stranger = DomainLine("http://canton", token="guess", transport=office)
    with pytest.raises(NotDone):
        await HttpAdmin(stranger).holdings("alice")


async def test_a_process_of_its_own_tells_the_settings_of_its_coordinator(tmp_path: Path) -> None:
    order = {"directory": str(tmp_path), "user": "nostro", "token": TOKEN}
    child = Child(name="canton", module="nostro.wiring.canton_double", order=order)
    ready = await child.start()
    try:
        told = ready["settings"]
        file = Path(told["canton_token_file"])
        mode, token = await asyncio.to_thread(
            lambda: (file.stat().st_mode, file.read_text("ascii"))
        )
        assert mode & 0o777 == 0o600
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=told["canton_url"], headers=headers) as client:
            rights = (await client.get("/v2/users/nostro/rights")).json()["rights"]
            acting = [each["kind"]["CanActAs"] for each in rights if "CanActAs" in each["kind"]]
            assert {each["value"]["party"] for each in acting} == {
                told["canton_executor_party"],
                told["canton_securities_issuer"],
                told["canton_cash_provider"],
            }
            assert (await client.post("/issue", json={})).status_code == 401
        line = DomainLine(ready["url"], token=TOKEN)
        assert not (await issue(HttpAdmin(line))).exists
        await line.close()
    finally:
        await child.stop()
