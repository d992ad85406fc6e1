"""A town with a market: BTC for USD, traders with money, and what stands on their accounts."""

from __future__ import annotations

from typing import Any

from nostro.exchange import (
    CancelOrder,
    CreateMarket,
    ExchangeState,
    MarketRules,
    MarketState,
    NewOrder,
    PlaceOrder,
    SetFeeSchedule,
    SetMarketState,
    Side,
)
from nostro.kernel.messages import Command
from nostro.kernel.reply import Reply
from nostro.ledger import CreateTransfersTogether, NewTransfer
from nostro.wallets import OpenWallet
from tests.flows.town import Town

MARKET = "BTC-USD"
LOT = 1_000_000
"""0.01 BTC. With ticks of one dollar, a lot at a tick is worth one cent."""


class Bourse(Town):
    """A town with one open market. `maker_ppm`, `taker_ppm`: what trades cost."""

    def __init__(
        self, rules: MarketRules | None = None, *, maker_ppm: int = 1_000, taker_ppm: int = 2_000
    ) -> None:
        super().__init__()
        self.must(SetFeeSchedule(name="standard", maker_ppm=maker_ppm, taker_ppm=taker_ppm))
        self.must(
            CreateMarket(
                market=MARKET,
                base="BTC",
                quote="USD",
                lot_minor=LOT,
                rules=rules or MarketRules(),
            )
        )
        self.must(SetMarketState(market=MARKET, state=MarketState.OPEN))

    @property
    def exchange(self) -> ExchangeState:
        """The exchange's state."""
        state: ExchangeState = self.memory.states["exchange"]
        return state

    def must(self, command: Command, *, actor: str = "clerk") -> Reply:
        """Run a command that must be accepted."""
        reply = self.tell(command, actor=actor)
        assert reply.accepted, (command, reply)
        return reply

    def fund(self, user: str, *, usd: int = 0, lots: int = 0) -> None:
        """Give a user cents and lots."""
        for asset, amount in (("USD", usd), ("BTC", lots * LOT)):
            self.must(OpenWallet(user_id=user, asset=asset))
            if amount:
                given = NewTransfer(
                    id=f"given:{user}:{asset}:{self.height}",
                    debit=f"nostro:{asset}",
                    credit=f"wallet:{user}:{asset}",
                    amount_minor=amount,
                )
                self.must(CreateTransfersTogether(transfers=[given]))

    def place(self, user: str, side: Side, lots: int, price: int, **more: Any) -> Reply:
        """Place an order of this user."""
        order = NewOrder(market=MARKET, side=side, lots=lots, price=price, **more)
        return self.tell(PlaceOrder(user_id=user, order=order), actor=user)

    def buy(self, user: str, lots: int, price: int, **more: Any) -> dict[str, Any]:
        """Place a buy order, and return what is told of it."""
        reply = self.place(user, Side.BUY, lots, price, **more)
        assert reply.accepted, reply
        body: dict[str, Any] = reply.body
        return body

    def sell(self, user: str, lots: int, price: int, **more: Any) -> dict[str, Any]:
        """Place a sell order, and return what is told of it."""
        reply = self.place(user, Side.SELL, lots, price, **more)
        assert reply.accepted, reply
        body: dict[str, Any] = reply.body
        return body

    def cancel(self, user: str, order: int) -> Reply:
        """Cancel an order."""
        return self.tell(CancelOrder(user_id=user, order=order), actor=user)

    def money(self, user: str) -> tuple[int, int, int, int]:
        """Return cents and lots in the wallets of a user, and cents and lots in his orders."""
        usd, btc = self._on(f"wallet:{user}:USD"), self._on(f"wallet:{user}:BTC")
        usd_held, btc_held = self._on(f"orders:{user}:USD"), self._on(f"orders:{user}:BTC")
        return usd, btc // LOT, usd_held, btc_held // LOT

    @property
    def earned(self) -> int:
        """Cents that trading has earned."""
        return self._on("earnings:USD")

    def check(self) -> None:
        """Assert that orders hold what their accounts say, and that nothing was made or lost."""
        held: dict[str, int] = {}
        for order in self.exchange.orders.values():
            asset = "USD" if order.side is Side.BUY else "BTC"
            name = f"orders:{order.user_id}:{asset}"
            held[name] = held.get(name, 0) + order.reserved_minor
        for name, account in self.books.accounts.items():
            if name.startswith("orders:"):
                assert account.credits_posted - account.debits_posted == held.get(name, 0), name
        for asset in ("USD", "BTC"):
            accounts = [one for one in self.books.accounts.values() if one.asset == asset]
            assert sum(one.debits_posted - one.credits_posted for one in accounts) == 0

    def _on(self, account: str) -> int:
        return self.posted(account) if account in self.books.accounts else 0
