"""What can the wallets ask of the world?"""

from __future__ import annotations

from nostro.kernel.messages import Effect


class SendPayout(Effect, frozen=True, kw_only=True, tag="wallets.SendPayout"):
    """Pay this out, once, whatever the world answers: `withdrawal_id` names the movement for ever.

    Outcomes come back as RecordPayoutSent, RecordPayoutSettled, RecordPayoutFailed.
    """

    withdrawal_id: str
    user_id: str
    asset: str
    amount_minor: int
    destination: str


EFFECTS: tuple[type[Effect], ...] = (SendPayout,)
