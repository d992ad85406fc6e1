"""What can the wallets ask of the world?"""

from __future__ import annotations

from nostro.kernel.messages import Effect


class SendPayout(Effect, frozen=True, kw_only=True, tag="wallets.SendPayout"):
    """Hand a payout to the rail, once, whatever the world answers: `withdrawal_id` names the
    movement for ever. Outcomes: RecordPayoutSent, or RecordPayoutFailed if the rail refuses it."""

    withdrawal_id: str
    user_id: str
    asset: str
    amount_minor: int
    destination: str


class AwaitPayout(Effect, frozen=True, kw_only=True, tag="wallets.AwaitPayout"):
    """Ask the rail until a payout that it took is final. Outcomes: RecordPayoutSettled,
    RecordPayoutFailed."""

    withdrawal_id: str


EFFECTS: tuple[type[Effect], ...] = (SendPayout, AwaitPayout)
