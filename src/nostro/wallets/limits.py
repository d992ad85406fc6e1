"""How much may come in and go out, and who else must agree?

Limits are settings: they are asked only when a command is decided. What they led to stands in the
events, so that a replay under other settings gives the same state.
"""

from __future__ import annotations

import msgspec

from nostro.kernel.asset import SEED
from nostro.kernel.money import AMOUNT_MINOR_MAX

_APPROVAL_ABOVE_UNITS = {"BTC": 1, "ETH": 10, "BNB": 20, "JPY": 1_000_000, "KRW": 10_000_000}
_APPROVAL_ABOVE_UNITS_ELSEWHERE = 10_000
SECOND_APPROVAL_TIMES = 100


class AssetLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of one asset, in minor units, inclusive.

    `approvals_above_minor`: each threshold that a withdrawal exceeds demands one more approver;
    `()` demands none, `(0,)` one always, `(10_000, 1_000_000)` a second one above the second.
    """

    deposit_min_minor: int = 1
    deposit_max_minor: int = AMOUNT_MINOR_MAX
    withdrawal_min_minor: int = 1
    withdrawal_max_minor: int = AMOUNT_MINOR_MAX
    approvals_above_minor: tuple[int, ...] = ()

    def approvals_needed(self, amount_minor: int) -> int:
        """Return how many distinct approvers a withdrawal of this amount needs."""
        return sum(amount_minor > threshold for threshold in self.approvals_above_minor)


class WalletLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits by asset code, and those of every asset that is not named."""

    by_asset: dict[str, AssetLimits] = {}
    otherwise: AssetLimits = AssetLimits()

    def of(self, asset: str) -> AssetLimits:
        """Return the limits of an asset."""
        return self.by_asset.get(asset, self.otherwise)


def standard_limits() -> WalletLimits:
    """Return the limits of a platform that was told none: four eyes above 10,000 units (1 BTC,
    10 ETH, 20 BNB, 1,000,000 JPY, 10,000,000 KRW), six eyes above a hundred times that, and four
    eyes always for an asset that the seed registry does not know."""
    by_asset = {}
    for code, asset in SEED.items():
        units = _APPROVAL_ABOVE_UNITS.get(code, _APPROVAL_ABOVE_UNITS_ELSEWHERE)
        first = units * 10**asset.scale
        by_asset[code] = AssetLimits(approvals_above_minor=(first, first * SECOND_APPROVAL_TIMES))
    return WalletLimits(by_asset=by_asset, otherwise=AssetLimits(approvals_above_minor=(0,)))
