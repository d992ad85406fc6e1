"""What happens at a Canton ledger on a bad day, and what has it done with the rounds of ours?

A double of a participant on the same loop, behind the adapter that speaks to a real one. It loses
requests and answers, answers late, and refuses for all the reasons that a participant has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from itertools import count
from random import Random

from nostro.adapters.domains.canton.auth import BearerToken
from nostro.adapters.domains.canton.client import CantonClient
from nostro.adapters.domains.canton.domain import CantonDomain
from nostro.adapters.domains.canton.terms import CantonTerms
from nostro.adapters.domains.canton_double import (
    FAIR,
    HARSH,
    MILD,
    NO_FAULTS,
    CantonDouble,
    DoubleTerms,
    Faults,
)
from nostro.adapters.domains.port import Domain
from nostro.simulation.books import Violation
from nostro.simulation.dvp_dealers import CANTON, FUNDS, PARTIES, PLACES
from nostro.simulation.dvp_domains import DARK_MEAN_S, DARK_S_MAX
from nostro.simulation.dvp_ledgers import EXECUTED, HELD, RELEASED, Rounds
from nostro.simulation.dvp_terms import OWN_LEDGER
from nostro.simulation.loop import LoopClock, Process, SeededLoop
from nostro.simulation.weather import Sky

WEATHERS = {"mild": MILD, "harsh": HARSH}
CASH = frozenset({"EUR", "USD"})
USER = "coordinator"
KEY = b"the key of a simulated participant"
URL = "http://participant"
STANDS: Mapping[str, str] = {
    "Nostro.Settlement:DeliveryVersusPayment": HELD,
    "Nostro.Settlement:SettledRound": EXECUTED,
    "Nostro.Settlement:ClosedRound": RELEASED,
}
"""What each contract of ours says of its round."""


class CantonLedger(Rounds):
    """A Canton ledger, as its updates tell; implements Kept."""

    def __init__(self, double: CantonDouble, parties: Mapping[str, str]) -> None:
        super().__init__(CANTON)
        self.issued: dict[tuple[str, str], int] = {}
        self._double = double
        self._owners = {party: name for name, party in parties.items()}
        self._offset = 0

    def read(self) -> None:
        """Take in what is new; raises Violation."""
        entries = self._double.ledger.entries
        for entry in entries[self._offset :]:
            for node in getattr(entry, "nodes", ()):
                stands = STANDS.get(node.template)
                if stands is not None and hasattr(node, "signatories"):
                    self.now(node.argument["round"], stands, entry.offset)
        self._offset = len(entries)

    def reference_of(self, round_id: str) -> str:
        """See Kept.reference_of: the update in which it was executed."""
        return self._double.ledger.entries[self.rounds[round_id].at - 1].update_id

    def owned(self) -> Iterator[tuple[tuple[str, str], int]]:
        """See Kept.owned."""
        for (owner, asset), (amount, _) in self._double.admin.balances().items():
            yield (self._owners[owner], asset), amount

    def check_rest(self) -> None:
        """See Kept.check_rest."""
        self.check_none_held()
        locked = {key: both for key, both in self._double.admin.balances().items() if both[1]}
        if locked:
            raise Violation(f"{self.name} still has locked {locked}")


class CantonSite:
    """A participant, its parties, and who audits it; implements DvpSite."""

    name = CANTON
    restored = False

    def __init__(self, *, seed: int, loop: SeededLoop, sky: Sky, chance: Random) -> None:
        self.bugs: list[str] = []
        self._loop = loop
        self._sky = sky
        self._chance = chance
        self._context = Process("participant").context()
        self.double = CantonDouble(
            clock=LoopClock(loop),
            terms=DoubleTerms(seed=seed),
            key=KEY,
            weather=WEATHERS.get(sky.weather.name, FAIR),
        )
        admin = self.double.admin
        self.parties = {name: admin.create_party(name) for name in PARTIES}
        executor, issuer, bank = map(admin.create_party, ("executor", "issuer", "bank"))
        registrars = (issuer, bank)
        admin.create_user(USER, act_as=(executor, *registrars), read_as=registrars)
        self._terms = CantonTerms(
            coordinator=OWN_LEDGER,
            executor=executor,
            securities_issuer=issuer,
            cash_provider=bank,
            is_cash=CASH.__contains__,
            user=USER,
        )
        self.ledger = CantonLedger(self.double, self.parties)

    def start(self) -> None:
        """See DvpSite.start: every party has a mandate given, and something to begin with."""
        admin, terms = self.double.admin, self._terms
        for name, party in self.parties.items():
            admin.mandate(party, terms.executor, name)
            for asset in (asset for asset, places in PLACES.items() if CANTON in places):
                amount = 1 + int(FUNDS[asset] * self._chance.choice((0.05, 0.3, 1.0, 1.5)))
                self.ledger.issued[name, asset] = amount
                for part in (amount // 3, amount - amount // 3):
                    registrar = terms.registrar(asset)
                    if part:
                        admin.issue(registrar=registrar, owner=party, asset=asset, amount=part)

    def line(self, process: int) -> Domain:
        """See DvpSite.line."""
        clock, numbers = LoopClock(self._loop), count(1)
        token = BearerToken(lambda: self.double.admin.token(USER), clock=clock)
        client = CantonClient(URL, token=token, transport=self.double.transport(self._context.copy))
        return CantonDomain(
            self._terms, client, ids=lambda: f"{process}-{next(numbers)}", clock=clock
        )

    async def go_dark(self) -> None:
        """See DvpSite.go_dark."""
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / DARK_MEAN_S))
            if not self._sky.weather.crash_steps_mean:
                return
            self.double.faults.set(Faults(down=True))
            await asyncio.sleep(self._chance.uniform(0.0, DARK_S_MAX))
            self.double.faults.set(NO_FAULTS)

    def clear(self) -> None:
        """See DvpSite.clear."""
        self.double.fate.weather = FAIR

    def read(self) -> None:
        """See DvpSite.read."""
        self.ledger.read()

    def audit(self) -> None:
        """See DvpSite.audit."""
        self.read()

    def counts(self) -> Mapping[str, int]:
        """See DvpSite.counts."""
        return {"rows": self.double.ledger.end}
