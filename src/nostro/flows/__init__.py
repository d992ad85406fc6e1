"""Which story leads from an event in one room to a step in another?

This is the hallway: the only place that names two rooms. One file tells one story.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nostro.consensus import ConsensusAchieved, ConsensusRejected
from nostro.custody import (
    HoldsExecuted,
    HoldsPlaced,
    HoldsRefused,
    HoldsReleased,
    RoundsClosed,
    RoundsStuck,
)
from nostro.exchange import (
    AmendmentPlaced,
    FundsReleased,
    OrderReduced,
    OrderRested,
    OrderRouted,
    OrdersClosed,
    OrdersPlaced,
    RouteEnded,
    StopsElected,
    TraderAdmitted,
    TradesExecuted,
)
from nostro.execution import (
    AttemptStarted,
    FundsSecured,
    InstructionFailed,
    InstructionSettled,
    NoteOutcome,
    OutcomeAsked,
    ReverseSettlement,
    SettlementFailed,
    SettlementReversed,
)
from nostro.flows import (
    close_of_window,
    deposit,
    pay_cross_border,
    place_order,
    settle_cycle,
    settle_dvp,
    settle_trade,
    withdraw,
)
from nostro.flows.keep_custody import CUSTODY_FLOWS
from nostro.kernel.messages import Command, Event
from nostro.ledger import AssetRegistered
from nostro.netting import (
    BatchCreated,
    BatchOptimized,
    CycleClosed,
    CycleOpened,
    PlanRefused,
)
from nostro.payments import (
    ParticipantFunded,
    ParticipantOpened,
    PaymentsFailed,
    PaymentsReversed,
    PaymentsSettled,
    TransactionCancelled,
    TransactionsSubmitted,
    WindowClosed,
)
from nostro.settlement import DeedsOrdered, RoundsSettled
from nostro.wallets import (
    DepositConfirmed,
    DepositReleased,
    DepositSuspended,
    PayoutCleared,
    PayoutSuspended,
    WalletOpened,
    WithdrawalApproved,
    WithdrawalCancelled,
    WithdrawalFailed,
    WithdrawalRequested,
    WithdrawalSent,
    WithdrawalSettled,
)

# Each flow takes the very event it stands for, which `Callable[[Event], ...]` cannot say.
FLOWS: Mapping[type[Event], Any] = {
    AssetRegistered: deposit.offer,
    WalletOpened: deposit.open_accounts,
    DepositConfirmed: deposit.credit,
    DepositSuspended: deposit.suspend,
    DepositReleased: deposit.release,
    WithdrawalRequested: withdraw.hold,
    WithdrawalApproved: withdraw.pay_out,
    WithdrawalSent: withdraw.follow_up,
    WithdrawalSettled: withdraw.post,
    PayoutSuspended: withdraw.suspend,
    PayoutCleared: withdraw.clear,
    WithdrawalFailed: withdraw.release,
    WithdrawalCancelled: withdraw.release,
    TraderAdmitted: place_order.admit,
    OrdersPlaced: place_order.hold,
    StopsElected: place_order.elect,
    AmendmentPlaced: place_order.amend,
    OrderRested: place_order.release,
    OrderReduced: place_order.release,
    OrdersClosed: place_order.close,
    FundsReleased: place_order.release_suspended,
    TradesExecuted: settle_trade.settle,
    OrderRouted: settle_trade.route,
    RouteEnded: settle_trade.settle_route,
    ParticipantOpened: pay_cross_border.open_accounts,
    ParticipantFunded: pay_cross_border.fund,
    TransactionsSubmitted: pay_cross_border.accept,
    TransactionCancelled: pay_cross_border.take_back,
    PaymentsFailed: pay_cross_border.release,
    PaymentsSettled: pay_cross_border.post,
    PaymentsReversed: pay_cross_border.give_back,
    WindowClosed: close_of_window.net,
    CycleOpened: close_of_window.optimise,
    PlanRefused: close_of_window.optimise,
    BatchCreated: close_of_window.put_to_members,
    BatchOptimized: close_of_window.plan,
    ConsensusAchieved: close_of_window.certify,
    ConsensusRejected: close_of_window.abandon,
    AttemptStarted: settle_cycle.send,
    OutcomeAsked: settle_cycle.ask,
    FundsSecured: settle_cycle.secure,
    InstructionSettled: settle_cycle.book,
    InstructionFailed: settle_cycle.fail,
    SettlementFailed: settle_cycle.unwind,
    SettlementReversed: settle_cycle.reverse,
    CycleClosed: settle_cycle.trade,
    DeedsOrdered: settle_dvp.ask,
    RoundsSettled: settle_dvp.told,
    HoldsPlaced: settle_dvp.held,
    HoldsRefused: settle_dvp.not_held,
    HoldsExecuted: settle_dvp.executed,
    HoldsReleased: settle_dvp.released,
    RoundsClosed: settle_dvp.closed,
    RoundsStuck: settle_dvp.stuck,
    **CUSTODY_FLOWS,
}

AHEAD: Mapping[type[Command], Any] = {
    ReverseSettlement: settle_cycle.reversal,
    NoteOutcome: settle_cycle.reversal_ahead,
}
"""Of a command, the order that a flow gives in its row and that may name what left memory."""

__all__ = ["AHEAD", "FLOWS"]
