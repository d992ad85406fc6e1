"""Limits are data, and the standard ones are safe."""

import msgspec
import pytest

from nostro.kernel.asset import SEED
from nostro.wallets import AssetLimits, WalletLimits, standard_limits


def test_limits_are_read_from_plain_data_and_an_unknown_field_is_an_error() -> None:
    data = {"by_asset": {"EUR": {"approvals_above_minor": [500]}}}
    limits = msgspec.convert(data, WalletLimits)
    assert limits.of("EUR").approvals_needed(501) == 1
    assert limits.of("USD") == AssetLimits()
    with pytest.raises(msgspec.ValidationError, match="deposit_maximum"):
        msgspec.convert({"otherwise": {"deposit_maximum": 1}}, WalletLimits)


@pytest.mark.parametrize(
    ("asset", "units", "approvals"),
    [
        ("EUR", 10_000, 0),
        ("EUR", 10_001, 1),
        ("EUR", 1_000_001, 2),
        ("JPY", 1_000_000, 0),
        ("BTC", 1, 0),
        ("BTC", 2, 1),
    ],
)
def test_standard_limits_ask_for_more_eyes_with_more_money(
    asset: str, units: int, approvals: int
) -> None:
    amount_minor = units * 10 ** SEED[asset].scale
    assert standard_limits().of(asset).approvals_needed(amount_minor) == approvals


def test_standard_limits_ask_for_four_eyes_always_where_the_asset_is_not_known() -> None:
    assert standard_limits().of("GOLD").approvals_needed(1) == 1
