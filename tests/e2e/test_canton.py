"""Does `nostro up` settle on the double of a Canton participant that it runs, alone and together
with a domain of its own?"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.e2e.up import Up, ended, eventually, up

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e")]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A platform with a participant's double and a domain of its own, where bob has 100 AAPL on
    Canton, and alice money on both."""
    path = tmp_path_factory.mktemp("canton")
    settings = {"NOSTRO_SETTLEMENT_DOMAINS": "cash", "NOSTRO_CANTON_DOUBLE": "true"}
    with up(path / "data", path / "up.log", **settings) as one:
        share = {"code": "AAPL", "scale": 0, "name": "a share"}
        made(one, "/api/v1/ledger/assets", share)
        # On every day: the calendars of dollars would have a weekend wait for Monday.
        for asset in ("AAPL", "USD"):
            path_of = f"{one.url}/settlement/instruments/{asset}"
            answer = httpx.put(path_of, json={"domain": "canton", "calendar": ""})
            assert answer.status_code == 200, answer.text
        give(one, "canton", "bob", "AAPL", "100")
        give(one, "canton", "alice", "USD", "5000.00")
        give(one, "cash", "alice", "USD", "5000.00")
        yield one


def made(running: Up, path: str, body: dict[str, Any]) -> Any:
    answer = running.post(path, body, key=uuid4().hex)
    assert answer.status_code == 201, answer.text
    return answer.json()


def give(running: Up, domain: str, party: str, asset: str, amount: str) -> None:
    body = {
        "reference": f"{domain}-{party}-{asset}",
        "account_id": party,
        "asset": asset,
        "amount": amount,
    }
    made(running, f"/settlement/domains/{domain}/issues", body)


def owned(running: Up, domain: str, party: str, asset: str) -> str:
    told = running.get(f"/settlement/domains/{domain}/balances/{party}").json()["data"]
    return next((str(each["owned"]) for each in told if each["asset"] == asset), "0")


def settled(running: Up, trade: str, *, cash_domain: str) -> Any:
    """Instruct 10 AAPL for 1,500 USD, and return the settlement once it is settled."""
    body = {
        "trade_id": trade,
        "seller_account_id": "bob",
        "buyer_account_id": "alice",
        "symbol": "AAPL/USD",
        "quantity": "10",
        "amount": "1500.00",
        "securities_domain": "canton",
        "cash_domain": cash_domain,
    }
    instructed = made(running, "/settlements", body)

    def look() -> Any:
        answer: httpx.Response = running.get(f"/settlements/{instructed['settlement_id']}")
        told = answer.json() if answer.is_success else {}
        assert told.get("status") != "FAILED", told
        return told if told.get("status") == "SETTLED" else None

    return eventually(look, f"the settlement of {trade}")


def test_both_legs_on_canton_settle_in_one_transaction(running: Up) -> None:
    told = settled(running, "both", cash_domain="canton")
    assert told["dvp_contract_id"].startswith("00")
    assert owned(running, "canton", "alice", "AAPL") != "0"
    assert owned(running, "canton", "bob", "USD") == "1500.00"
    assert owned(running, "canton", "alice", "USD") == "3500.00"


def test_securities_on_canton_settle_against_cash_on_a_domain_of_ours(running: Up) -> None:
    before = int(owned(running, "canton", "bob", "AAPL"))
    settled(running, "across", cash_domain="cash")
    assert int(owned(running, "canton", "bob", "AAPL")) == before - 10
    assert owned(running, "cash", "bob", "USD") == "1500.00"
    assert owned(running, "cash", "alice", "USD") == "3500.00"


def test_a_participant_that_is_killed_comes_back_with_all_it_acknowledged(running: Up) -> None:
    before = owned(running, "canton", "bob", "AAPL")
    participant = running.processes["canton"]
    os.kill(participant, signal.SIGKILL)
    ended(participant)
    assert owned(running, "canton", "bob", "AAPL") == before
    settled(running, "after", cash_domain="cash")
    assert int(owned(running, "canton", "bob", "AAPL")) == int(before) - 10
