"""In which world do the tests of the participant's double play?"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx

from nostro.adapters.domains.canton_double import FAIR, CantonDouble, DoubleTerms, Weather
from nostro.runtime.ports import Clock
from nostro.simulation.loop import LoopClock, SeededLoop, seeded_loop
from tests.adapters.canton_double.openapi import CheckedTransport

T = TypeVar("T")
Json = dict[str, Any]

KEY = b"0123456789abcdef0123456789abcdef"
USER = "nostro"
SUBMIT = "/v2/commands/submit-and-wait"
SUBMIT_FOR_TRANSACTION = f"{SUBMIT}-for-transaction"
SUBMIT_FOR_REASSIGNMENT = f"{SUBMIT}-for-reassignment"
ACTIVE = "/v2/state/active-contracts"
DELTA = "TRANSACTION_SHAPE_ACS_DELTA"
EFFECTS = "TRANSACTION_SHAPE_LEDGER_EFFECTS"
DESK = "#nostro-dvp:Nostro.Settlement:Desk"
DVP = "#nostro-dvp:Nostro.Settlement:DeliveryVersusPayment"
HOLDING = "#nostro-dvp:Nostro.Holding:Holding"
CLOSED_ROUND = "#nostro-dvp:Nostro.Settlement:ClosedRound"
TERMS = DoubleTerms(synchronizers=("settlement", "payments"))


class World:
    """A participant in virtual time, with a coordinator, two registrars and two traders."""

    def __init__(
        self,
        *,
        seed: int = 1,
        terms: DoubleTerms = TERMS,
        directory: Path | None = None,
        weather: Weather = FAIR,
        clock: Clock | None = None,
    ) -> None:
        self.loop: SeededLoop = seeded_loop(f"{seed}")
        self.clock: Clock = clock or LoopClock(self.loop)
        self.double = CantonDouble(
            clock=self.clock, terms=terms, directory=directory, key=KEY, weather=weather
        )
        admin = self.double.admin
        self.executor, self.depository, self.bank, self.seller, self.buyer = (
            admin.create_party(each)
            for each in ("Coordinator", "Depository", "Bank", "Seller", "Buyer")
        )
        acting = (self.executor, self.depository, self.bank)
        admin.create_user(USER, act_as=acting, read_as=(self.seller, self.buyer))
        self.transport = CheckedTransport(self.double.transport())
        self.client = self.client_of(USER)

    def client_of(self, user: str, **options: Any) -> httpx.AsyncClient:
        """Return a client that shows the token of a user."""
        token = self.double.admin.token(user)
        return httpx.AsyncClient(
            transport=self.transport,
            base_url="http://participant",
            headers={"authorization": f"Bearer {token}"},
            **options,
        )

    def run(self, story: Coroutine[Any, Any, T]) -> T:
        """Return what a story comes to."""
        return self.loop.run(story)

    # -- asking -------------------------------------------------------------------------------

    async def post(self, path: str, body: object, **query: int) -> httpx.Response:
        return await self.client.post(path, json=body, params=query)

    async def get(self, path: str, **query: str) -> httpx.Response:
        return await self.client.get(path, params=query)

    async def end(self) -> int:
        """Return the end of the ledger."""
        return int((await self.get("/v2/state/ledger-end")).json()["offset"])

    def commands(self, *steps: Json, command_id: str, **more: Any) -> Json:
        told = {
            "commands": list(steps),
            "commandId": command_id,
            "actAs": [self.executor],
            "readAs": [self.depository, self.bank],
        }
        return {**told, **more}

    def events(self, *parties: str) -> Json:
        """Return an event format: all templates, for these parties (or the coordinator)."""
        return {"filtersByParty": {each: {} for each in parties or (self.executor,)}}

    def updates(self, *parties: str, shape: str = DELTA) -> Json:
        """Return an update format of everything that these parties see."""
        events = self.events(*parties)
        return {
            "includeTransactions": {"transactionShape": shape, "eventFormat": events},
            "includeReassignments": events,
        }

    async def submit(self, *steps: Json, command_id: str, **more: Any) -> httpx.Response:
        return await self.post(SUBMIT, self.commands(*steps, command_id=command_id, **more))

    async def transact(
        self, *steps: Json, command_id: str, shape: str = DELTA, **more: Any
    ) -> httpx.Response:
        """Submit, and have the transaction told to coordinator and registrars."""
        events = self.events(self.executor, self.depository, self.bank)
        body = {
            "commands": self.commands(*steps, command_id=command_id, **more),
            "transactionFormat": {"transactionShape": shape, "eventFormat": events},
        }
        return await self.post(SUBMIT_FOR_TRANSACTION, body)

    async def made(self, template: str, *steps: Json, command_id: str, **more: Any) -> list[Json]:
        """Submit, and return the contracts of a template that came of it."""
        answer = await self.transact(*steps, command_id=command_id, **more)
        assert answer.status_code == 200, answer.text
        return created(answer, template)

    # -- our templates ------------------------------------------------------------------------

    async def desk(self, epoch: int = 1) -> str:
        """Open the coordinator's desk and return its contract."""
        told = {"executor": self.executor, "coordinator": "main", "epoch": f"{epoch}"}
        made = await self.made(DESK, create(DESK, told), command_id="desk:main")
        return contract_id(made[0])

    def instrument(self, asset: str) -> Json:
        admin = self.bank if asset == "USD" else self.depository
        return {"admin": admin, "id": asset}

    def leg(self, sender: str, receiver: str, asset: str, amount: str) -> Json:
        return {
            "sender": sender,
            "receiver": receiver,
            "instrument": self.instrument(asset),
            "amount": amount,
        }

    def lock(
        self, owner: str, asset: str, amount: str, *inputs: str, change: Sequence[str] = ()
    ) -> Json:
        return {
            "owner": owner,
            "instrument": self.instrument(asset),
            "amount": amount,
            "inputs": list(inputs),
            "change": list(change),
        }

    def issue(self, owner: str, asset: str, amount: str, place: str = "settlement") -> str:
        """Give an owner something."""
        return self.double.admin.issue(
            registrar=self.instrument(asset)["admin"],
            owner=owner,
            asset=asset,
            amount=amount,
            synchronizer=self.double.synchronizers[place],
        )

    def mandates(self, *owners: str) -> list[str]:
        """Let the coordinator act for these."""
        admin = self.double.admin
        return [admin.mandate(each, self.executor, each.partition("::")[0]) for each in owners]

    def balance(self, owner: str, asset: str) -> tuple[int, int]:
        """Return what an owner has, and how much of it is locked."""
        sums = self.double.admin.balances(owner)
        return sums.get((owner, asset), (0, 0))

    async def holding(
        self, desk: str, *, round_id: str = "main.S1.1", epoch: int = 1, **order: Any
    ) -> httpx.Response:
        """Hold for a round: 10 AAPL of the seller against 2,000 USD of the buyer, of which both
        have enough, unless `order` says otherwise."""
        mandates = order.pop("mandates", None) or self.mandates(self.seller, self.buyer)
        told = {
            "round": round_id,
            "epoch": f"{epoch}",
            "deliveries": [self.leg(self.seller, self.buyer, "AAPL", "10")],
            "payments": [self.leg(self.buyer, self.seller, "USD", "2000")],
            **order,
        }
        if "locks" not in told:
            told["locks"] = [
                self.lock(
                    self.seller,
                    "AAPL",
                    "10",
                    self.issue(self.seller, "AAPL", "25"),
                    change=["15"],
                ),
                self.lock(self.buyer, "USD", "2000", self.issue(self.buyer, "USD", "2000")),
            ]
        step = exercise(DESK, desk, "Desk_Hold", {"order": told, "mandates": mandates})
        return await self.transact(step, command_id=f"{round_id}:hold")

    async def held(self, desk: str, **more: Any) -> str:
        """Hold, and return the contract that stands for it."""
        answer = await self.holding(desk, **more)
        assert answer.status_code == 200, answer.text
        return contract_id(created(answer, DVP)[0])

    async def act(
        self, choice: str, dvp: str, desk: str, *, epoch: int = 1, command_id: str = ""
    ) -> httpx.Response:
        """Settle, transfer or abort what is held."""
        step = exercise(DVP, dvp, choice, {"desk": desk, "epoch": f"{epoch}"})
        return await self.transact(step, command_id=command_id or f"{dvp[:12]}:{choice}")

    async def reassign(
        self, step: Json, *, submitter: str, command_id: str, **more: Any
    ) -> httpx.Response:
        """Do half a reassignment."""
        told = {
            "commandId": command_id,
            "submitter": submitter,
            "commands": [{"command": step}],
        }
        body = {"reassignmentCommands": told, "eventFormat": self.events(submitter), **more}
        return await self.post(SUBMIT_FOR_REASSIGNMENT, body)


def create(template: str, argument: Json) -> Json:
    return {"CreateCommand": {"templateId": template, "createArguments": argument}}


def exercise(template: str, contract: str, choice: str, argument: Json) -> Json:
    told = {
        "templateId": template,
        "contractId": contract,
        "choice": choice,
        "choiceArgument": argument,
    }
    return {"ExerciseCommand": told}


def unassign(contract: str, source: str, target: str) -> Json:
    told = {"contractId": contract, "source": source, "target": target}
    return {"UnassignCommand": {"value": told}}


def assign(reassignment: str, source: str, target: str) -> Json:
    told = {"reassignmentId": reassignment, "source": source, "target": target}
    return {"AssignCommand": {"value": told}}


def created(answer: httpx.Response, template: str) -> list[Json]:
    """Return the contracts of a template that a transaction created."""
    events = answer.json()["transaction"]["events"]
    name = template.partition(":")[2]
    told = [each["CreatedEvent"] for each in events if "CreatedEvent" in each]
    return [each for each in told if each["templateId"].endswith(name)]


def contract_id(event: Json) -> str:
    return str(event["contractId"])


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of an answer that is a refusal in JSON."""
    return answer.status_code, str(answer.json()["code"])
