"""What does somebody hear of one user, and whom does he tell?"""

from __future__ import annotations

from collections.abc import Callable

from nostro.api.feeds.lists import FillsTopic, SettlementsTopic
from nostro.api.feeds.own import BalancesTopic, OrdersTopic
from nostro.api.feeds.reading import PatientReads
from nostro.api.feeds.topic import Topic
from nostro.api.picture import OWN_ACCOUNTS, OwnFunds, Picture, ShownOrder
from nostro.exchange import FillView

AccountNumber = Callable[[str], int | None]
"""Returns the number of an account, under which the ledger reports what moves on it."""


class Ears:
    """Listens to what happens to one user, for his private channels that are followed."""

    def __init__(
        self, user_id: str, picture: Picture, reads: PatientReads, number_of: AccountNumber
    ) -> None:
        self.user_id = user_id
        self._picture = picture
        self._reads = reads
        self._number_of = number_of
        self._orders: OrdersTopic | None = None
        self._fills: FillsTopic | None = None
        self._settlements: SettlementsTopic | None = None
        self._balances: BalancesTopic | None = None
        picture.heard[user_id] = self

    def open(self, channel: str) -> Topic:
        """Begin to listen for a private channel."""
        user_id, picture, reads = self.user_id, self._picture, self._reads
        if channel == OrdersTopic.channel:
            self._orders = OrdersTopic(user_id, picture, reads)
            return self._orders
        if channel == FillsTopic.channel:
            self._fills = FillsTopic(user_id, reads, height=picture.height)
            return self._fills
        if channel == SettlementsTopic.channel:
            self._settlements = SettlementsTopic(user_id, reads, height=picture.height)
            return self._settlements
        self._balances = BalancesTopic(user_id, picture, reads)
        self._watch_accounts()
        return self._balances

    def shut(self, channel: str) -> bool:
        """Listen no more for a channel; False when there is nothing left to listen for."""
        if channel == OrdersTopic.channel:
            self._orders = None
        elif channel == FillsTopic.channel:
            self._fills = None
        elif channel == SettlementsTopic.channel:
            self._settlements = None
        else:
            self._balances = None
        if self._orders or self._fills or self._settlements or self._balances:
            return True
        self._picture.deafen(self.user_id)
        return False

    def _watch_accounts(self) -> None:
        for asset in self._picture.scales:
            for kind in OWN_ACCOUNTS:
                number = self._number_of(f"{kind}:{self.user_id}:{asset}")
                if number is not None:
                    self._picture.watch_account(number, self)

    # -- hearing -----------------------------------------------------------------------------------

    @property
    def watches_money(self) -> bool:
        """Tell whether his balances are followed."""
        return self._balances is not None

    def order(self, order: ShownOrder, reason: str) -> None:
        """Hear that an order changed."""
        if self._orders is not None:
            self._orders.note(order, reason)

    def filled(self, fill: FillView) -> None:
        """Hear that an order traded."""
        if self._fills is not None:
            self._fills.note(fill)
        if self._settlements is not None:
            self._settlements.note(fill)

    def funds(self, funds: OwnFunds) -> None:
        """Hear that money was suspended, or released."""
        if self._settlements is not None:
            self._settlements.note_funds(funds)

    def moved(self) -> None:
        """Hear that something moved on an account."""
        if self._balances is not None:
            self._balances.note()
