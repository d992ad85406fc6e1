"""Customers and their accounts per asset."""

import pytest

from nostro.wallets import (
    AssetOffered,
    CustomerOpened,
    OfferAsset,
    OpenCustomer,
    OpenWallet,
    WalletOpened,
)
from tests.rooms.wallets.play import Play


@pytest.mark.parametrize("user_id", ["", "a:b", "a/b", "a b", "ä", "x" * 49, "a\n"])
def test_a_user_id_that_would_blur_account_names_is_refused(user_id: str) -> None:
    assert Play().refused(OpenCustomer(user_id=user_id)).code == "wallets.bad_user_id"


def test_a_wallet_in_an_asset_that_nobody_registered_is_refused() -> None:
    refusal = Play().refused(OpenWallet(user_id="alice", asset="GOLD"))
    assert (refusal.code, refusal.facts) == ("wallets.asset_not_offered", {"asset": "GOLD"})


def test_opening_a_customer_twice_tells_the_present_state_and_changes_nothing() -> None:
    play = Play().given(CustomerOpened("alice", "clerk"), WalletOpened("alice", "EUR", "clerk"))
    assert play.when(OpenCustomer(user_id="alice")) == []
    assert play.body == {"user_id": "alice", "assets": ["EUR"], "exists": True}


def test_opening_a_wallet_twice_tells_the_present_state_and_changes_nothing() -> None:
    play = Play().given(CustomerOpened("alice", "clerk"), WalletOpened("alice", "EUR", "clerk"))
    assert play.when(OpenWallet(user_id="alice", asset="EUR")) == []
    assert play.body == {"user_id": "alice", "assets": ["EUR"], "exists": True}


def test_an_asset_is_offered_once_and_a_seeded_one_always() -> None:
    play = Play()
    assert play.when(OfferAsset(code="EUR", scale=2)) == []
    assert play.when(OfferAsset(code="GOLD", scale=3)) == [AssetOffered("GOLD", 3, "clerk")]
    assert play.when(OfferAsset(code="GOLD", scale=3)) == []


def test_a_customer_is_opened_by_a_named_actor() -> None:
    play = Play()
    assert play.when(OpenCustomer(user_id="alice"), actor="bob") == [CustomerOpened("alice", "bob")]
    assert play.body == {"user_id": "alice", "assets": []}


def test_a_wallet_opens_its_customer_if_need_be() -> None:
    play = Play().given(AssetOffered("GOLD", 3, "clerk"))
    assert play.when(OpenWallet(user_id="alice", asset="GOLD")) == [
        CustomerOpened("alice", "clerk"),
        WalletOpened("alice", "GOLD", "clerk"),
    ]
    assert play.when(OpenWallet(user_id="alice", asset="EUR")) == [
        WalletOpened("alice", "EUR", "clerk")
    ]
    assert play.body == {"user_id": "alice", "assets": ["EUR", "GOLD"]}
