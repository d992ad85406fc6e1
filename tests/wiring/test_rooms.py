"""Which limits hold in a deployment?"""

from __future__ import annotations

from decimal import Decimal

from nostro.wallets import standard_limits
from nostro.wiring.rooms import wallet_limits
from nostro.wiring.settings import Settings


def test_the_standard_limits_hold_where_none_are_set() -> None:
    assert wallet_limits(Settings()) == standard_limits()


def test_a_limit_that_is_set_is_read_in_minor_units_of_its_asset() -> None:
    limits = wallet_limits(Settings(approval_limit={"BTC": Decimal("0.5"), "JPY": Decimal(1000)}))
    assert limits.of("BTC").approvals_above_minor == (50_000_000, 5_000_000_000)
    assert limits.of("JPY").approvals_above_minor == (1_000, 100_000)


def test_an_asset_that_is_not_listed_always_needs_an_approval() -> None:
    limits = wallet_limits(Settings(approval_limit={"BTC": Decimal(1)}))
    assert limits.of("EUR").approvals_needed(1) == 1
