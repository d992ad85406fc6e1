"""Money that a wallet would not take."""

from __future__ import annotations

import pytest

from nostro.exchange import (
    FundsKeptSuspended,
    FundsReleased,
    FundsSuspended,
    KeepFundsSuspended,
    ReleaseFunds,
    SuspendFunds,
)
from tests.rooms.exchange.play import Play

SUSPEND = SuspendFunds(
    user_id="ann", asset="USD", amount_minor=5, transfer_id="t", reason="ledger.account_frozen"
)


@pytest.mark.parametrize("suspension", [0, -1, 2])
def test_a_suspension_that_never_was_is_unknown(suspension: int) -> None:
    play = Play()
    play.when(SUSPEND)
    no = play.refused(ReleaseFunds(suspension=suspension))
    assert no.code == "exchange.suspension_unknown"


def test_only_what_is_being_released_is_kept() -> None:
    play = Play()
    play.when(SUSPEND, SUSPEND)
    keep = KeepFundsSuspended(suspension=1, reason="?")
    assert play.refused(keep).code == "exchange.not_in_course"
    play.when(ReleaseFunds(suspension=2))
    assert play.refused(keep).code == "exchange.not_in_course"


def test_what_is_released_is_released_once() -> None:
    play = Play()
    assert play.when(SUSPEND) == [FundsSuspended(1, "ann", "USD", 5, "t", "ledger.account_frozen")]
    assert play.when(ReleaseFunds(suspension=1)) == [FundsReleased(1, "ann", "USD", 5, 1, "desk")]
    assert play.when(ReleaseFunds(suspension=1)) == []
    assert play.body == {"suspension": 1, "exists": True}
    assert play.state.suspensions == {}
    play.check()


def test_what_the_ledger_refuses_again_stays_and_may_be_tried_again() -> None:
    play = Play()
    play.when(SUSPEND, ReleaseFunds(suspension=1))
    kept = play.when(KeepFundsSuspended(suspension=1, reason="ledger.account_frozen"))
    assert kept == [FundsKeptSuspended(1, "ledger.account_frozen")]
    play.check()
    assert play.when(ReleaseFunds(suspension=1)) == [FundsReleased(1, "ann", "USD", 5, 2, "desk")]
    play.check()
