"""A market on a real platform: who trades in it, and with what."""

from __future__ import annotations

from typing import Any

import httpx

from nostro.cli.token import issue
from tests.e2e.up import Up

SYMBOL, NAME = "ADA/USDT", "ADA-USDT"


class Bourse:
    """An open market, and two users with money."""

    def __init__(self, running: Up) -> None:
        self._up = running
        self.tokens: dict[str, str] = {}
        self._count = 0
        for user, currency in (("ann", "ADA"), ("bob", "USDT")):
            self.tokens[user] = issue(user, ["trader"], [], 3_600, data_dir=running.data_dir)
            name = {"user_id": user, "transaction_id": f"tx-{user}"}
            self._must("/wallet/deposit", {**name, "currency": currency, "amount": "1000000"})
            self._must("/wallet/deposit/confirm", name)
        self._must("/markets", {"symbol": SYMBOL, "tick": "0.01", "lot": "1"})
        self._must(f"/markets/{NAME}/state", {"state": "open"})

    def _must(self, path: str, body: dict[str, Any]) -> None:
        self._count += 1
        answer = self._up.post(path, body, key=f"set-up-{self._count}")
        assert answer.is_success, answer.text

    def place(self, user: str, side: str, price: str, quantity: str) -> dict[str, Any]:
        """Place a limit order, again and again until it is answered."""
        self._count += 1
        body = {
            "user_id": user,
            "symbol": SYMBOL,
            "side": side,
            "type": "LIMIT",
            "price": price,
            "quantity": quantity,
            "client_order_id": f"order-{self._count}",
        }
        return self._until_answered(user, body)

    def _until_answered(self, user: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.tokens[user]}"}
        for _ in range(600):
            try:
                answer = httpx.post(f"{self._up.url}/order", json=body, headers=headers)
            except httpx.HTTPError:
                continue
            if answer.status_code in (429, 503, 504):
                continue
            assert answer.is_success, answer.text
            told: dict[str, Any] = answer.json()
            return told
        raise AssertionError("the platform does not come back")

    def trade(self, price: str, quantity: str) -> int:
        """Let ann sell to bob; return the number of the trade."""
        self.place("ann", "SELL", price, quantity)
        told = self.place("bob", "BUY", price, quantity)
        return int(told["fills"][0]["trade_id"])

    def book(self) -> dict[str, Any]:
        """Return the book as it is read."""
        told: dict[str, Any] = self._up.get(f"/markets/{NAME}/book?depth=500").json()
        return told
