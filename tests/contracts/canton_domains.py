"""A Canton ledger as the contract wants it: set up through the participant's own API, so that it is
the same for the double and for a real one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.canton.auth import BearerToken
from nostro.adapters.domains.canton.client import CantonClient
from nostro.adapters.domains.canton.domain import CantonDomain
from nostro.adapters.domains.canton.model import whole
from nostro.adapters.domains.canton.terms import CantonTerms
from nostro.adapters.domains.port import Domain, RoundOrder

COORDINATOR = "main"
NEVER_HELD = "main.S0.1"
PARTIES = ("alice", "bob", "carol")
COMMANDS = "/v2/commands/"
"""What changes the ledger, and what tells what became of it."""


class QuickClock(SystemClock):
    """Pauses are over sooner."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 20)  # sleeps: it is the clock of the code under test


class Deaf:
    """Whether answers are lost."""

    on = False


class LossyTransport(httpx.AsyncBaseTransport):
    """A network on which answers to commands may be lost."""

    def __init__(self, inner: httpx.AsyncBaseTransport, deaf: Deaf) -> None:
        self.inner = inner
        self._deaf = deaf
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        response = await self.inner.handle_async_request(request)
        if self._deaf.on and request.url.path.startswith(COMMANDS):
            raise httpx.ReadTimeout("the answer was lost", request=request)
        return response


class CantonWorld:
    """A Canton ledger with parties of its own; implements domain_conformance.World. `run` tells
    the parties of one test from those of others."""

    domain: Domain
    terms: CantonTerms

    def __init__(
        self,
        url: str,
        *,
        user: str,
        run: str,
        transport: httpx.AsyncBaseTransport,
        token: str = "",
        synchronizer: str = "",
    ) -> None:
        self._url = url
        self._user = user
        self._run = run
        self._token = token
        self._synchronizer = synchronizer
        self._deaf = Deaf()
        self.transport = LossyTransport(transport, self._deaf)
        self._numbers = count(1)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.AsyncClient(base_url=url, transport=self.transport, headers=headers)
        self.party: dict[str, str] = {}

    async def start(self) -> CantonWorld:
        """Host the parties, have mandates given, and take the desk."""
        for name in ("executor", "issuer", "bank", *PARTIES):
            self.party[name] = await self._host(f"{name}-{self._run}")
        self.terms = CantonTerms(
            coordinator=COORDINATOR,
            executor=self.party["executor"],
            securities_issuer=self.party["issuer"],
            cash_provider=self.party["bank"],
            is_cash=lambda asset: asset == "EUR",
            user=self._user,
            synchronizer=self._synchronizer,
        )
        for name in PARTIES:
            await self.mandate(name, self.party[name])
        self.domain = self._domain()
        # It takes its desk once, which is no deed for any round.
        await self.domain.execute([RoundOrder(NEVER_HELD, 1)])
        return self

    async def mandate(self, account: str, owner: str) -> None:
        """Let an owner have a mandate given under a name of ours."""
        told = {"owner": owner, "executor": self.party["executor"], "account": account}
        await self.create("Nostro.Settlement:Mandate", told, owner, self.party["executor"])

    async def give(self, party: str, asset: str, amount_minor: int) -> None:
        await self.issue(party, asset, amount_minor, self._synchronizer)

    async def issue(self, party: str, asset: str, amount_minor: int, synchronizer: str) -> None:
        """Give an owner a holding on a synchronizer."""
        registrar = self.party["bank" if asset == "EUR" else "issuer"]
        holding = {
            "owner": self.party[party],
            "instrument": {"admin": registrar, "id": asset},
            "amount": str(amount_minor),
            "lock": None,
        }
        await self.create(
            "Nostro.Holding:Holding",
            holding,
            registrar,
            self.party[party],
            synchronizer=synchronizer,
        )

    async def owned(self, party: str, asset: str) -> int:
        return sum(amount for amount, _ in await self._holdings(party, asset))

    async def available(self, party: str, asset: str) -> int:
        return sum(amount for amount, locked in await self._holdings(party, asset) if not locked)

    async def again(self) -> Domain:
        self.domain = self._domain()
        return self.domain

    def another(self) -> CantonDomain:
        """Return the domain as another coordinator process has it."""
        return self._domain()

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        self._deaf.on = True
        try:
            yield
        finally:
            self._deaf.on = False

    async def stop(self) -> None:
        """Let the connections go."""
        await self.domain.close()
        await self._http.aclose()

    def client(self) -> CantonClient:
        """Return a client of the participant."""
        token = BearerToken(lambda: self._token, clock=SystemClock()) if self._token else None
        return CantonClient(self._url, token=token, transport=self.transport)

    def _domain(self) -> CantonDomain:
        return CantonDomain(
            self.terms,
            self.client(),
            ids=lambda: f"{self._run}-{next(self._numbers)}",
            clock=QuickClock(),
        )

    async def _host(self, hint: str) -> str:
        told = await self.post("/v2/parties", {"partyIdHint": hint, "identityProviderId": ""})
        party: str = told["partyDetails"]["party"]
        rights = [{"kind": {right: {"value": {"party": party}}}} for right in _RIGHTS]
        await self.post(
            f"/v2/users/{self._user}/rights",
            {"userId": self._user, "identityProviderId": "", "rights": rights},
        )
        return party

    async def create(
        self, template: str, argument: dict[str, Any], *act_as: str, synchronizer: str = ""
    ) -> None:
        """Create a contract by those who must sign it."""
        step = {"templateId": f"#nostro-dvp:{template}", "createArguments": argument}
        commands: dict[str, Any] = {
            "commands": [{"CreateCommand": step}],
            "commandId": f"setup-{self._run}-{next(self._numbers)}",
            "actAs": list(dict.fromkeys(act_as)),
            "userId": self._user,
        }
        if synchronizer:
            commands["synchronizerId"] = synchronizer
        await self.post("/v2/commands/submit-and-wait", commands)

    async def _holdings(self, party: str, asset: str) -> list[tuple[int, bool]]:
        end = (await self._http.get("/v2/state/ledger-end")).json()["offset"]
        template = {"value": {"templateId": "#nostro-dvp:Nostro.Holding:Holding"}}
        filters = {"cumulative": [{"identifierFilter": {"TemplateFilter": template}}]}
        asked = {
            "activeAtOffset": end,
            "eventFormat": {"filtersByParty": {self.party[party]: filters}, "verbose": False},
        }
        told = await self.post("/v2/state/active-contracts?limit=199", asked)
        found = []
        for each in told:
            entry = each["contractEntry"]
            at = entry.get("JsActiveContract") or entry.get("JsIncompleteUnassigned")
            holding = at["createdEvent"]["createArgument"]
            if (holding["owner"], holding["instrument"]["id"]) == (self.party[party], asset):
                amount = whole(holding["amount"])
                found.append((amount, holding["lock"] is not None))
        return found

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """Ask the participant for something that must succeed."""
        answer = await self._http.post(path, json=body, timeout=20)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()


_RIGHTS = ("CanActAs", "CanReadAs")
