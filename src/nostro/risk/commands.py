"""What can one order the risk room to do?

Exposure is counted from acceptance to finality, per payer, counterparty and source currency, in
integer minor units.
"""

from __future__ import annotations

import msgspec

from nostro.kernel.messages import Command


class Reservation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One payment that counts against limits: payer owes payee an amount of a currency, which
    arrives in `destination_currency` ("": the same). What arrives in another currency offsets
    nothing."""

    transaction_id: str
    payer: str
    payee: str
    currency: str
    amount_minor: int
    destination_currency: str = ""


class SetLimit(Command, frozen=True, kw_only=True, tag="risk.SetLimit"):
    """Set a limit in minor units of a currency; None takes it away. `scope`: `net_debit` (what a
    participant's open payments may owe net, over all counterparties), `bilateral` (what it may owe
    `counterparty` net), `currency` (open payments in a currency, over all, gross), `single` (one
    payment of a participant; "" all) or `platform` (liquidity that netting may use in a currency).

    Sent by an operator; sent twice: accepted, no event. Refused: `risk.bad_limit`. A limit below
    what is already used is taken: nothing more is accepted until use has fallen. Use can also rise
    above a limit when a payment that offset it is released; then the same holds.
    """

    scope: str
    currency: str
    participant: str = ""
    counterparty: str = ""
    amount_minor: int | None = None

    @property
    def stream(self) -> str:
        """Name the limit."""
        return f"{self.scope}:{self.participant}:{self.counterparty}:{self.currency}"


class Reserve(Command, frozen=True, kw_only=True, tag="risk.Reserve"):
    """Count payments against the limits, in order, each with its own result; ordered by flows, once
    for each payment (the room does not know payments, only sums).

    Reply body: {"refused": [[transaction_id, code, facts], ...]} with `risk.single_limit`,
    `risk.bilateral_limit`, `risk.net_debit_cap` or `risk.currency_limit`, asked in this order."""

    items: list[Reservation]


class Release(Command, frozen=True, kw_only=True, tag="risk.Release"):
    """Count payments no longer: they are final, failed or cancelled; ordered by flows, with the
    very items that were reserved and not refused (anything else is a bug)."""

    items: list[Reservation]


class QuoteCaps(Command, frozen=True, kw_only=True, tag="risk.QuoteCaps"):
    """Tell the limits that bind netting among these participants and currencies; no event; ordered
    by flows. Reply body: {"net_debit": [[participant, currency, cap]], "bilateral": [[payer, payee,
    currency, cap]], "platform": [[currency, cap]]}, only those that are set."""

    participants: list[str]
    currencies: list[str]


class SetThreshold(Command, frozen=True, kw_only=True, tag="risk.SetThreshold"):
    """Ask for an alert when a limit is used to this share (1 to 1,000,000 millionths), once for
    each crossing; None asks for none. `scope`: `net_debit`, `bilateral` or `currency`; the other
    limits have no use that adds up.

    Sent by an operator; sent twice: accepted, no event. Refused: `risk.bad_threshold`."""

    scope: str
    used_ppm: int | None = None

    @property
    def stream(self) -> str:
        """Name the threshold."""
        return f"threshold:{self.scope}"


COMMANDS: tuple[type[Command], ...] = (SetLimit, Reserve, Release, QuoteCaps, SetThreshold)
