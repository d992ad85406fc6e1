"""What may the operator of a participant's double do there, as at a domain of ours?

He is issuer, bank and host of all parties in one: an issue hosts its party, has it give a mandate,
and gives it a holding. What he did under a reference stands in the participant's books.
"""

from __future__ import annotations

import re

import msgspec

from nostro.adapters.domains.canton_double.administration import Administration
from nostro.adapters.domains.canton_double.books import Transaction
from nostro.adapters.domains.canton_double.deeds import digest
from nostro.adapters.domains.canton_double.holdings import HOLDING
from nostro.adapters.domains.canton_double.interpreter import ARCHIVE
from nostro.adapters.domains.canton_double.ledger import Ledger, Life
from nostro.adapters.domains.canton_double.rounds import MANDATE
from nostro.adapters.domains.canton_double.shapes import Command
from nostro.adapters.domains.own import Balance, Balances, Holding, Holdings, Issued
from nostro.custody import check_party, check_reference
from nostro.kernel.asset import SEED
from nostro.kernel.messages import Rejection
from nostro.runtime.ports import NotDone

EXECUTOR, ISSUER, BANK = "coordinator", "securities-issuer", "cash-provider"
"""Names of the parties without which nothing settles."""
BALANCES_MAX = 1_000
AMOUNT_MINOR_MAX = 10**38 - 1
_HINT = re.compile(r"[A-Za-z0-9_\-]{1,100}\Z")


class Parties(msgspec.Struct, frozen=True):
    """The ids of the parties without which nothing settles."""

    executor: str
    securities_issuer: str
    cash_provider: str


class _Issue(msgspec.Struct, frozen=True):
    """What was issued under a reference."""

    reference: str
    party: str
    asset: str
    scale: int
    amount_minor: int


class Keeping:
    """The operator of a participant in this process; implements own.DomainAdmin."""

    def __init__(self, ledger: Ledger, admin: Administration) -> None:
        self._ledger = ledger
        self._admin = admin
        self._issues: dict[str, _Issue] = {}
        self._scales: dict[str, int] = {}
        self._read_to = 0
        self.parties = Parties(
            *(admin.create_party(each) for each in (EXECUTOR, ISSUER, BANK)),
        )

    def admit(self, user: str) -> None:
        """Let a coordinator's user do what it needs: act for the executor, and see and reassign
        what stands in the registers."""
        parties = msgspec.structs.astuple(self.parties)
        self._admin.create_user(user, act_as=parties, read_as=parties)

    async def issue(
        self, *, reference: str, party: str, asset: str, scale: int, amount_minor: int
    ) -> Issued:
        """Credit or debit a party, once for each reference."""
        check_reference(reference)
        check_party(party)
        if not 0 < abs(amount_minor) <= AMOUNT_MINOR_MAX:
            raise Rejection("custody.bad_amount", amount_minor_max=AMOUNT_MINOR_MAX)
        self._read_on()
        issue = _Issue(reference, party, asset, scale, amount_minor)
        known = self._issues.get(reference)
        if known is not None and known != issue:
            raise Rejection("custody.reference_exists", reference=reference)
        if known is None:
            self._book(issue)
        return Issued(known is not None, self._ledger.end)

    async def holdings(self, party: str) -> Holdings:
        """Return what a party owns."""
        self._read_on()
        sums = self._admin.balances(self._owner(party))
        return Holdings(
            self._ledger.end,
            [
                Holding(asset, self._scales.get(asset, 0), total, total - locked)
                for (_, asset), (total, locked) in sums.items()
            ],
        )

    async def balances(self, *, after: int = 0) -> Balances:
        """Return what every party owns, a page at a time."""
        sums = sorted(self._admin.balances().items())
        page = sums[after : after + BALANCES_MAX]
        end = after + len(page)
        return Balances(
            self._ledger.end,
            [
                Balance(owner, asset, total, total - locked)
                for (owner, asset), (total, locked) in page
            ],
            end if end < len(sums) else 0,
        )

    async def close(self) -> None:
        """Nothing to let go: the participant is its owner's."""

    def _book(self, issue: _Issue) -> None:
        scale = self._scales.get(issue.asset, issue.scale)
        if scale != issue.scale:
            raise Rejection("custody.scale_differs", scale=scale)
        owner = self._host(issue.party)
        registrar = self._registrar(issue.asset)
        steps = self._steps(issue, owner, registrar)
        note = msgspec.json.encode(issue).decode()
        self._admin.write(steps, (owner, registrar), f"issue/{issue.party}", note=note)

    def _steps(self, issue: _Issue, owner: str, registrar: str) -> list[Command]:
        holding = {
            "owner": owner,
            "instrument": {"admin": registrar, "id": issue.asset},
            "lock": None,
        }
        left, steps = issue.amount_minor, []
        if left < 0:
            for life in self._free(owner, issue.asset):
                if left >= 0:
                    break
                left += int(life.created.argument["amount"])
                contract_id = life.created.contract_id
                steps.append(self._admin.exercising(HOLDING, contract_id, ARCHIVE, {}))
            if left < 0:
                available = left - issue.amount_minor
                raise Rejection("custody.lacking", lacking=[[issue.party, issue.asset, available]])
        if left > 0:
            steps.append(self._admin.creating(HOLDING, {**holding, "amount": str(left)}))
        return steps

    def _free(self, owner: str, asset: str) -> list[Life]:
        return [
            life
            for life in self._ledger.active_lives(HOLDING)
            if life.created.argument["owner"] == owner
            and life.created.argument["instrument"]["id"] == asset
            and life.created.argument["lock"] is None
        ]

    def _host(self, account: str) -> str:
        """Return the party of an account, hosted and with a mandate."""
        if self._mandated(account) is None:
            owner = self._admin.create_party(_hint(account))
            self._admin.mandate(owner, self.parties.executor, account)
        return self._owner(account)

    def _owner(self, account: str) -> str:
        return self._mandated(account) or self._admin.party_id(_hint(account))

    def _mandated(self, account: str) -> str | None:
        for life in self._ledger.active_lives(MANDATE):
            told = life.created.argument
            if told["account"] == account and told["executor"] == self.parties.executor:
                owner: str = told["owner"]
                return owner
        return None

    def _registrar(self, asset: str) -> str:
        return self.parties.cash_provider if asset in SEED else self.parties.securities_issuer

    def _read_on(self) -> None:
        """Know what was issued since the last look."""
        for entry in self._ledger.entries[self._read_to :]:
            if isinstance(entry, Transaction) and entry.submission.note:
                try:
                    issue = msgspec.json.decode(entry.submission.note, type=_Issue)
                except msgspec.MsgspecError as error:
                    raise NotDone(f"the books of the participant cannot be read: {error}") from None
                self._issues[issue.reference] = issue
                self._scales[issue.asset] = issue.scale
        self._read_to = self._ledger.end


def _hint(account: str) -> str:
    """Return what a party is called of which we know the account."""
    reserved = (EXECUTOR, ISSUER, BANK)
    fits = _HINT.match(account) and account not in reserved and not account.startswith("account-")
    return account if fits else f"account-{digest('account', account)[:32]}"
