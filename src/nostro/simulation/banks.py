"""What do banks and officers do all day: pay, repeat, take back, cap, suspend, reverse?"""

from __future__ import annotations

import asyncio
from random import Random

import msgspec

from nostro.adapters.rails.settlement.records import Entry, Mark
from nostro.execution import ConfirmSettlement, ReverseSettlement, SetRailState
from nostro.kernel.messages import Command
from nostro.ledger import FreezeAccount, UnfreezeAccount
from nostro.payments import (
    ApproveReview,
    CancelPayment,
    FundParticipant,
    NewPayment,
    OpenParticipant,
    RejectReview,
    ResumeParticipant,
    SubmitPayments,
    SuspendParticipant,
    Window,
)
from nostro.risk import SetLimit, SetThreshold
from nostro.simulation.clients import Client
from nostro.simulation.network import Network
from nostro.simulation.payment_courses import Courses
from nostro.simulation.settlement_courses import Settlements
from nostro.simulation.settlement_rails import RailsLine

BANKS = ("ALFA", "BETA", "GAMA", "DELT")
CURRENCIES = ("USD", "EUR", "JPY")
CREDIT_LINE_MINOR = 60_000
FUNDS_MINOR = 150_000
BULK_MAX = 12
AMOUNT_MAX_MINOR = 40_000
WINDOWS = (Window.RTGS, Window.T0, Window.T1, Window.T2)


def vostro(bank: str, currency: str) -> str:
    """Return the name of a bank's settlement account."""
    return f"vostro:{bank}:{currency}"


def admissions() -> list[tuple[str, Command]]:
    """Return the commands, with their keys, that admit all banks."""
    commands: list[tuple[str, Command]] = []
    for bank in BANKS:
        lines = dict.fromkeys(CURRENCIES[:2], CREDIT_LINE_MINOR)
        admit = OpenParticipant(
            participant_id=bank,
            name=f"Bank {bank}",
            currencies=list(CURRENCIES),
            credit_lines_minor=lines,
        )
        commands.append((f"admit:{bank}", admit))
    return commands


def fundings() -> list[tuple[str, Command]]:
    """Return the commands, with their keys, that fund all banks."""
    commands: list[tuple[str, Command]] = []
    for bank in BANKS:
        for currency in CURRENCIES:
            fund = FundParticipant(
                participant_id=bank,
                currency=currency,
                amount_minor=FUNDS_MINOR,
                reference=f"opening-{currency}",
            )
            commands.append((f"fund:{bank}:{currency}", fund))
    return commands


class Bank(Client):
    """Sends payments: one at a time and in bulk, again, changed, and some that cannot be."""

    clumsy = 0.05

    def __init__(
        self, name: str, network: Network, random: Random, ops: int, *, sent: list[NewPayment]
    ) -> None:
        super().__init__(name, network, random, ops)
        self._sent = sent
        """What any bank has sent."""
        self._count = 0

    async def _do_something(self) -> None:
        dice = self._random.random()
        if dice < 0.5:
            await self._pay(1)
        elif dice < 0.75:
            await self._pay(self._random.randint(2, BULK_MAX))
        elif dice < 0.85 and self._sent:
            await self._send_again()
        elif dice < 0.93 and self._sent:
            payment = self._random.choice(self._sent[-10:])
            await self._ask(CancelPayment(transaction_id=payment.transaction_id))
        else:
            await self._fund()

    async def _pay(self, count: int) -> None:
        payments = [self._payment() for _ in range(count)]
        if count > 2 and self._chance(0.2):
            payments[-1] = payments[0]
        self._sent += payments
        submit = SubmitPayments(payments=payments)
        if self._chance(0.1):
            again = msgspec.structs.replace(payments[0], idempotency_key=f"{self._name}-other")
            self._start(self._ask(SubmitPayments(payments=[again])))
        await self._ask(submit)
        if self._chance(0.1):
            cancel = CancelPayment(transaction_id=payments[0].transaction_id)
            self._start(self._ask(cancel))
            await self._ask(cancel)

    def _payment(self) -> NewPayment:
        dice = self._random
        self._count += 1
        payee = dice.choice([bank for bank in BANKS if bank != self._name])
        source, destination = dice.choice(CURRENCIES), dice.choice(CURRENCIES)
        amount = dice.randint(1, AMOUNT_MAX_MINOR) if self._chance(0.9) else dice.randint(1, 500)
        if self._chance(0.02):
            amount, payee, source = dice.choice(
                ((0, payee, source), (amount, "NONE", source), (amount, payee, "CHF"))
            )
        if self._chance(0.03):
            payee = self._name  # allowed between two of its own currencies
        return NewPayment(
            transaction_id=f"{self._name}-{self._count}",
            amount_minor=amount,
            source_currency=source,
            destination_currency=destination,
            source_account=vostro(self._name, source),
            destination_account=f"IBAN-{dice.randrange(9)}",
            counterparty_id=payee,
            window=dice.choices(WINDOWS, (20, 55, 20, 5))[0],
            priority=dice.randrange(10),
            idempotency_key=f"{self._name}-k{self._count}" if self._chance(0.3) else "",
            hits=["list:someone:97"] if self._chance(0.05) else None,
        )

    async def _send_again(self) -> None:
        """Send an old payment in a new request: as it was, changed, or under another id."""
        payment = self._random.choice(self._sent[-15:])
        match self._random.randrange(4):
            case 0:
                payment = msgspec.structs.replace(payment, amount_minor=payment.amount_minor + 1)
            case 1:
                self._count += 1
                other = f"{self._name}-{self._count}"
                payment = msgspec.structs.replace(payment, transaction_id=other)
            case _:
                pass
        await self._ask(SubmitPayments(payments=[payment]))

    async def _fund(self) -> None:
        await self._ask(
            FundParticipant(
                participant_id=self._name,
                currency=self._random.choice(CURRENCIES),
                amount_minor=self._random.randint(1, FUNDS_MINOR),
                reference=f"r{self._random.randrange(12)}",
            )
        )

    def _changed(self, command: Command) -> Command:
        if isinstance(command, SubmitPayments):
            return SubmitPayments(payments=[*command.payments, self._payment()])
        return super()._changed(command)


def _name(entry: Entry) -> str:
    """Return our name of an instruction: on the rail it stands after that of our chain."""
    return entry.instruction_id.partition(":")[2]


class RiskOfficer(Client):
    """Sets limits and thresholds, and lifts them."""

    def __init__(self, name: str, network: Network, random: Random, ops: int) -> None:
        super().__init__(name, network, random, ops)
        self._limits: list[SetLimit] = []

    async def _do_something(self) -> None:
        dice = self._random
        bank, other = dice.sample(BANKS, 2)
        currency = dice.choice(CURRENCIES)
        amount = dice.choice((None, None, 0, dice.randint(1, 60_000), dice.randint(1, 200_000)))
        match dice.randrange(6):
            case 0:
                limit = SetLimit(scope="net_debit", currency=currency, participant=bank)
            case 1:
                limit = SetLimit(
                    scope="bilateral", currency=currency, participant=bank, counterparty=other
                )
            case 2:
                limit = SetLimit(scope="currency", currency=currency)
            case 3:
                limit = SetLimit(scope="single", currency=currency, participant=bank)
            case 4:
                limit = SetLimit(scope="platform", currency=currency)
            case _:
                scope = dice.choice(("net_debit", "bilateral", "currency"))
                share = dice.choice((None, dice.randint(1, 1_000_000)))
                await self._ask(SetThreshold(scope=scope, used_ppm=share))
                return
        limit = msgspec.structs.replace(limit, amount_minor=amount)
        self._limits.append(limit)
        await self._ask(limit)
        if amount is not None and self._chance(0.7):
            await asyncio.sleep(dice.uniform(0, 10))
            await self._ask(msgspec.structs.replace(limit, amount_minor=None))

    async def lift(self) -> None:
        """Take every limit away that was ever set."""
        self.clumsy = 0.0
        for limit in self._limits:
            await self._ask(msgspec.structs.replace(limit, amount_minor=None))


class Desk(Client):
    """The operators: reviews, suspensions, frozen accounts, rails closed by hand, confirmations
    and reversals. They know the journal and the rails' books, but not always the newest."""

    def __init__(
        self,
        name: str,
        network: Network,
        random: Random,
        ops: int,
        *,
        courses: Courses,
        settlements: Settlements,
        rails: RailsLine,
    ) -> None:
        super().__init__(name, network, random, ops)
        self._courses = courses
        self._settlements = settlements
        self._rails = rails

    async def _do_something(self) -> None:
        dice = self._random.random()
        if dice < 0.2:
            await self._review()
        elif dice < 0.28:
            await self._suspend()
        elif dice < 0.4:
            await self._freeze()
        elif dice < 0.7:
            await self._confirm()
        elif dice < 0.9:
            await self._reverse()
        else:
            await self._close_a_rail()

    async def _review(self) -> None:
        held = sorted(self._courses.in_review())
        if not held:
            return
        transaction_id = self._random.choice(held)
        decision: Command = ApproveReview(transaction_id=transaction_id)
        if self._chance(0.4):
            decision = RejectReview(transaction_id=transaction_id, reason="a hit indeed")
        await self._ask(decision)

    async def _suspend(self) -> None:
        bank = self._random.choice(BANKS)
        await self._ask(SuspendParticipant(participant_id=bank, reason="late with its reports"))
        await asyncio.sleep(self._random.uniform(0, 6))
        await self._ask(ResumeParticipant(participant_id=bank))

    async def _freeze(self) -> None:
        accounts = [vostro(bank, currency) for bank in BANKS for currency in CURRENCIES]
        frozen = self._random.sample(accounts, self._random.randint(1, 4))
        for account in frozen:
            await self._ask(FreezeAccount(account=account))
        await asyncio.sleep(self._random.uniform(1, 8))
        for account in frozen:
            await self._ask(UnfreezeAccount(account=account))

    async def _close_a_rail(self) -> None:
        rail, region = self._random.choice((("rtgs", "east"), ("instant", "east")))
        await self._ask(SetRailState(rail=rail, region=region, open=False, reason="maintenance"))
        await asyncio.sleep(self._random.uniform(1, 8))
        await self._ask(SetRailState(rail=rail, region=region, open=True))

    async def _confirm(self) -> None:
        """Tell what moved at a rail before the rail does, or something that is not so."""
        moved = [
            entry
            for _, entry in self._rails.entries()
            if entry.mark is Mark.SETTLED and entry.order is not None
        ]
        news = [entry for entry in moved if not self._settlements.has_ended(_name(entry))]
        if not moved:
            return
        entry = self._random.choice(news or moved[-6:])
        order = entry.order
        assert order is not None
        name = _name(entry)
        wrong = self._chance(0.2)
        await self._ask(
            ConfirmSettlement(
                settlement_id=name.partition(":")[0],
                instruction_id=name,
                currency=order.currency,
                amount_minor=order.amount_minor + wrong,
                rail_reference=entry.rail_reference,
            )
        )

    async def _reverse(self) -> None:
        settled = sorted(self._courses.settled_cycles())
        if not settled:
            return
        cycle_id = self._random.choice(settled[-5:])
        ids = sorted(self._courses.settled_in(cycle_id))
        some = self._random.sample(ids, min(len(ids), 2)) if self._chance(0.8) else []
        await self._ask(
            ReverseSettlement(settlement_id=cycle_id, transaction_ids=some, reason="recalled")
        )

    async def mend(self) -> None:
        """Undo all that keeps payments from their end."""
        self.clumsy = 0.0
        for rail in ("rtgs", "instant"):
            await self._ask(SetRailState(rail=rail, region="east", open=True))
        for bank in BANKS:
            await self._ask(ResumeParticipant(participant_id=bank))
            for currency in CURRENCIES:
                await self._ask(UnfreezeAccount(account=vostro(bank, currency)))
        for transaction_id in sorted(self._courses.in_review()):
            await self._ask(ApproveReview(transaction_id=transaction_id))
