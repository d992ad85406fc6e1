"""Who is a customer, and which assets does each hold?"""

from __future__ import annotations

from typing import Any

from nostro.kernel import asset as assets
from nostro.kernel.messages import Event
from nostro.kernel.room import Context, Decision
from nostro.wallets import commands as c, events as e
from nostro.wallets.checks import check_offered, check_user_id
from nostro.wallets.state import WalletsState


def open_customer(state: WalletsState, command: c.OpenCustomer, context: Context) -> Decision:
    """Open a customer, once."""
    check_user_id(command.user_id)
    if command.user_id in state.customers:
        return Decision(body=_body(state, command.user_id, exists=True))
    opened = e.CustomerOpened(command.user_id, context.actor)
    return Decision([opened], body={"user_id": command.user_id, "assets": []})


def open_wallet(state: WalletsState, command: c.OpenWallet, context: Context) -> Decision:
    """Open a customer's account in an asset, once."""
    check_user_id(command.user_id)
    check_offered(state, command.asset)
    opened = opening(state, command.user_id, command.asset, context.actor)
    body = _body(state, command.user_id, exists=not opened)
    if opened:
        body["assets"] = sorted({*body["assets"], command.asset})
    return Decision(opened, body=body)


def offer_asset(state: WalletsState, command: c.OfferAsset, context: Context) -> Decision:
    """Offer an asset, once."""
    offered = assets.checked(command.code, command.scale)
    if state.offers(offered.code):
        return Decision(body={"code": offered.code, "exists": True})
    told = e.AssetOffered(offered.code, offered.scale, context.actor)
    return Decision([told], body={"code": offered.code})


def opening(state: WalletsState, user_id: str, asset: str, actor: str) -> list[Event]:
    """Return the events that a customer's first use of an asset needs: none, one or two."""
    held = state.customers.get(user_id)
    events: list[Event] = []
    if held is None:
        events.append(e.CustomerOpened(user_id, actor))
    if held is None or asset not in held:
        events.append(e.WalletOpened(user_id, asset, actor))
    return events


def _body(state: WalletsState, user_id: str, *, exists: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "user_id": user_id,
        "assets": sorted(state.customers.get(user_id, ())),
    }
    if exists:
        body["exists"] = True
    return body
