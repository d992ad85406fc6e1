"""Which rooms and flows does this deployment run, and under which limits?"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

import msgspec

from nostro import consensus, exchange, execution, netting, settlement, wallets
from nostro.adapters.signing.ed25519 import verify
from nostro.consensus import ConsensusRoom
from nostro.custody import CustodyRoom
from nostro.exchange import ExchangeRoom
from nostro.execution import ExecutionRoom
from nostro.flows import AHEAD, FLOWS
from nostro.kernel.asset import SEED
from nostro.kernel.messages import Effect
from nostro.ledger import LedgerRoom
from nostro.netting import NettingRoom
from nostro.payments import PaymentsRoom
from nostro.risk import RiskRoom
from nostro.runtime.house import House
from nostro.settlement import SettlementRoom
from nostro.wallets import (
    SECOND_APPROVAL_TIMES,
    AssetLimits,
    WalletLimits,
    WalletsRoom,
    standard_limits,
)
from nostro.wiring.payments import rate_policy_of, schedule_of
from nostro.wiring.settings import Settings
from nostro.wiring.settlement import policy_of

EFFECTS: tuple[type[Effect], ...] = (
    *wallets.EFFECTS,
    *netting.EFFECTS,
    *consensus.EFFECTS,
    *execution.EFFECTS,
    *exchange.EFFECTS,
    *settlement.EFFECTS,
)
"""All deeds that any room asks for."""


def make_house(settings: Settings | None = None) -> House:
    """Return the house: all rooms, joined by the flows.

    Without settings the standard limits hold; a replay depends neither on them nor on calendars.
    """
    limits = standard_limits() if settings is None else wallet_limits(settings)
    keys_hot_max = {} if settings is None else {"keys_hot_max": settings.idempotency_hot_max}
    return House(
        rooms=(
            LedgerRoom(),
            WalletsRoom(limits=limits),
            ExchangeRoom(),
            RiskRoom(),
            PaymentsRoom(schedule_of(settings)),
            NettingRoom(rate_policy=rate_policy_of(settings)),
            ConsensusRoom(verify=verify),
            ExecutionRoom(),
            SettlementRoom(policy_of(settings)),
            CustodyRoom(),
        ),
        flows=FLOWS,
        effects=EFFECTS,
        ahead=AHEAD,
        **keys_hot_max,
    )


def wallet_limits(settings: Settings) -> WalletLimits:
    """Return the limits that the settings name, else the standard ones: one approval above the
    limit of an asset, two above a hundred times that; one always for an asset not listed."""
    if settings.approval_limit is None:
        return standard_limits()
    firsts = {code: _minor(limit, code) for code, limit in settings.approval_limit.items()}
    return WalletLimits(
        by_asset={
            code: AssetLimits(approvals_above_minor=(first, first * SECOND_APPROVAL_TIMES))
            for code, first in firsts.items()
        },
        otherwise=AssetLimits(approvals_above_minor=(0,)),
    )


def _minor(limit: Decimal, code: str) -> int:
    scale = SEED[code].scale if code in SEED else 0
    return int((limit.scaleb(scale)).to_integral_value(ROUND_FLOOR))


class Stores(msgspec.Struct, frozen=True, kw_only=True):
    """URLs of the database, by what each may do there. One and the same URL when the operator
    gives one for all; `members` may be left out where no member runs."""

    engine: str
    follower: str
    reader: str
    members: str = ""
