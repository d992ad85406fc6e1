"""What does the front door need of the platform behind it?

Commands go to the engine. Reads come from the views, never from the engine's memory, which is
speculative. Views and probes are ports: wiring chooses what stands behind them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import msgspec

from nostro.api.auth_gate import Gate
from nostro.api.auth_signatures import ApiKeys
from nostro.api.dvp_domains import OwnDomains
from nostro.api.dvp_reads import DvpReads
from nostro.api.exchange_reads import ExchangeReads
from nostro.api.forecasts import Forecasts
from nostro.api.limits import Limits
from nostro.api.payment_reads import PaymentReads, RiskReads, SettlementReads
from nostro.api.picture import Picture
from nostro.api.webhook_desk import Webhooks
from nostro.kernel.asset import Asset
from nostro.ledger import (
    AccountType,
    AccountView,
    Action,
    AsOf,
    BalanceView,
    Page,
    Refusal,
    Statement,
    TransferView,
    TrialBalanceRow,
)
from nostro.runtime.engine import Engine
from nostro.runtime.performers import Performing
from nostro.runtime.projector import ViewsUnavailable
from nostro.wallets import CustomerView, DepositView, WithdrawalView


class LedgerReads(Protocol):
    """The views of the ledger. Every read may raise ViewsUnavailable; with a moment ViewsBehind or
    Rejection `views.ahead`, with a cursor Rejection `request.bad_cursor`."""

    async def checkpoint(self) -> int:
        """Return the height that the views have reached."""
        ...

    async def wait_for(self, height: int, timeout_ms: int) -> None:
        """Return once the views tell of a height; raises ViewsBehind when they do not in time."""
        ...

    async def assets(self) -> Sequence[Asset]:
        """Return the assets registered beyond the seed registry."""
        ...

    async def account(self, id: str) -> AccountView | None:
        """Return an account with its present balance."""
        ...

    async def accounts(
        self,
        *,
        owner: str | None = None,
        asset: str | None = None,
        type: AccountType | None = None,
        cursor: str | None = None,
        limit: int,
    ) -> Page[AccountView]:
        """Return accounts in the order of their opening."""
        ...

    async def balance(self, id: str, as_of: AsOf | None = None) -> BalanceView | None:
        """Return a balance, now or at a moment of the past; None for an account not open then."""
        ...

    async def statement(
        self,
        id: str,
        *,
        after: AsOf | None = None,
        until: AsOf | None = None,
        cursor: str | None = None,
        limit: int,
    ) -> Statement | None:
        """Return the lines of an account between two moments, oldest first."""
        ...

    async def transfer(self, id: str) -> TransferView | None:
        """Return a recorded line by its id."""
        ...

    async def refusal(self, id: str) -> Refusal | None:
        """Return why a transfer id is refused for good."""
        ...

    async def transfers(
        self,
        *,
        account: str | None = None,
        code: int | None = None,
        reference: str | None = None,
        action: Action | None = None,
        from_us: int | None = None,
        to_us: int | None = None,
        cursor: str | None = None,
        limit: int,
    ) -> Page[TransferView]:
        """Return lines, the newest first; both times are included."""
        ...

    async def trial_balance(self, as_of: AsOf | None = None) -> Sequence[TrialBalanceRow]:
        """Return the sums of all accounts, asset by asset."""
        ...


class WalletReads(Protocol):
    """The views of the wallets; they fail like those of the ledger."""

    async def customer(self, user_id: str) -> CustomerView | None:
        """Return a customer."""
        ...

    async def balances(self, user_id: str) -> Sequence[BalanceView]:
        """Return what stands on each of a customer's wallets."""
        ...

    async def deposits(
        self, user_id: str, *, cursor: str | None = None, limit: int
    ) -> Page[DepositView]:
        """Return a customer's deposits, the newest first."""
        ...

    async def deposit(self, user_id: str, transaction_id: str) -> DepositView | None:
        """Return a deposit."""
        ...

    async def withdrawals(
        self, user_id: str, *, cursor: str | None = None, limit: int
    ) -> Page[WithdrawalView]:
        """Return a customer's withdrawals, the newest first."""
        ...

    async def withdrawal(self, withdrawal_id: str) -> WithdrawalView | None:
        """Return a withdrawal."""
        ...


class Screening(Protocol):
    """Looks names up in a list of sanctioned parties; sync, and fast: it is asked at the door."""

    def hits(self, names: Sequence[str]) -> list[str]:
        """Return what the names are close to, each `list:entry:score`; empty when nothing is."""
        ...


class Identifiers(Protocol):
    """Checks the identifiers of banks and accounts; each returns what is wrong, "" for nothing."""

    def bic(self, text: str) -> str:
        """Check a BIC (ISO 9362)."""
        ...

    def iban(self, text: str) -> str:
        """Check an IBAN (ISO 13616), written without spaces."""
        ...

    def lei(self, text: str) -> str:
        """Check a LEI (ISO 17442)."""
        ...


class Spelling:
    """Identifiers as far as their spelling tells: length and characters, no registry, no check
    digits."""

    def bic(self, text: str) -> str:
        """Check the spelling of a BIC."""
        return "" if _BIC.match(text) else "is not spelled like a BIC"

    def iban(self, text: str) -> str:
        """Check the spelling of an IBAN."""
        return "" if _IBAN.match(text) else "is not spelled like an IBAN"

    def lei(self, text: str) -> str:
        """Check the spelling of a LEI."""
        return "" if _LEI.match(text) else "is not spelled like a LEI"


_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\Z", re.ASCII)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\Z", re.ASCII)
_LEI = re.compile(r"[A-Z0-9]{18}[0-9]{2}\Z", re.ASCII)


class _NoReads:
    """Views that this deployment has not."""

    def __getattr__(self, name: str) -> Any:
        async def read(*_: Any, **__: Any) -> Any:
            raise ViewsUnavailable("this platform keeps no such views")

        return read


_NO_PAYMENTS = cast(PaymentReads, _NoReads())
_NO_SETTLEMENTS = cast(SettlementReads, _NoReads())
_NO_RISK = cast(RiskReads, _NoReads())
_NO_EXCHANGE = cast(ExchangeReads, _NoReads())
_NO_DVP = cast(DvpReads, _NoReads())
_SPELLING = Spelling()


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe found. `remedy`: what to do when it is not ok; measured, never guessed."""

    ok: bool
    detail: str = ""
    remedy: str = ""


class Probe(Protocol):
    """Asks one dependency whether it does its work."""

    name: str

    async def check(self) -> Finding:
        """Return what was found; whatever it raises is told as not ok."""
        ...


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the door: bytes of a body (10,000 transfers of 400 bytes, twice over), seconds
    until a command must be answered, milliseconds that a read waits for its `at_least`, and seconds
    that a probe may take."""

    body_bytes_max: int = 8_000_000
    answer_timeout_s: float = 15.0
    at_least_timeout_ms: int = 2_000
    probe_timeout_s: float = 2.0


class AccessLog(Protocol):
    """Writes one line for each request."""

    def __call__(
        self, *, method: str, path: str, status: int, duration_s: float, request_id: str
    ) -> None:
        """Note that a request was answered."""
        ...


def silent(*, method: str, path: str, status: int, duration_s: float, request_id: str) -> None:
    """Write nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The parts that the API speaks to. `probes` ask what only wiring knows; one that has the name
    of a probe of the API's own (engine, views, effects) takes its place. `screening`: None lets
    every name pass. `domains`: None where settlements have no ledgers of ours. `picture`: of the
    markets and their books, None where there is no exchange.
    `providers`: what a market may be routed to; empty: unknown, and nothing is refused.
    `forecasts` forecasts with the models that are installed."""

    engine: Engine
    ledger: LedgerReads
    wallets: WalletReads
    payments: PaymentReads = _NO_PAYMENTS
    settlements: SettlementReads = _NO_SETTLEMENTS
    risk: RiskReads = _NO_RISK
    exchange: ExchangeReads = _NO_EXCHANGE
    dvp: DvpReads = _NO_DVP
    domains: OwnDomains | None = None
    picture: Picture | None = None
    providers: frozenset[str] = frozenset()
    screening: Screening | None = None
    identifiers: Identifiers = _SPELLING
    webhooks: Webhooks | None = None
    api_keys: ApiKeys | None = None
    gate: Gate = field(default_factory=Gate)
    limits: Limits = field(default_factory=Limits)
    forecasts: Forecasts = field(default_factory=Forecasts)
    performing: Performing | None = None
    probes: Sequence[Probe] = ()
    bounds: Bounds = field(default_factory=Bounds)
    access_log: AccessLog = silent
    version: str = "0"
    chain: str = "main"
