"""Which story does a trade tell: both legs and the fees, in the row that matched it?

The buyer pays the value and his fee out of what his order holds; the seller gets the value less his
fee; what is between them is ours (or, for a rebate's last minor unit, from us). The base asset goes
the other way. So no trade can be half settled, and none waits; where the market settles on a later
day, both sides are set aside instead, and a settlement is instructed for each trade.
"""

from __future__ import annotations

from collections.abc import Sequence

from nostro.exchange import (
    EnterOrder,
    Fill,
    OrderRouted,
    RouteEnded,
    RouteToProvider,
    RouteTrade,
    Settling,
    Side,
    TradesExecuted,
)
from nostro.flows import books, legs
from nostro.flows.place_order import releasing
from nostro.flows.wallet_credits import credited
from nostro.kernel.movement import Move
from nostro.kernel.reply import Reply
from nostro.kernel.room import Order, Perform, Step
from nostro.ledger import NewTransfer, OpenAccounts
from nostro.settlement import SETTLEMENTS_MAX, Cycle, InstructSettlements, NewSettlement

_TRADE = int(books.TransferCode.TRADE)
_FEE = int(books.TransferCode.TRADING_FEE)


def settle(event: TradesExecuted) -> Sequence[Step]:
    """Book every fill of a taker, and release what filled orders no longer need."""
    buying = event.side is Side.BUY
    base, quote, taker = event.base, event.quote, event.user_id
    # What a filled maker leaves is of the asset that it gave: the base if the taker buys.
    given, taken = (base, quote) if buying else (quote, base)
    spent, got = books.orders_account(taker, taken), books.wallet_account(taker, given)
    ours = books.earnings_account(quote)
    later = event.settling is not Settling.INSTANT
    transfers: list[NewTransfer] = []
    deferred: list[NewSettlement] = []
    for fill in event.fills:
        maker, value, trade = fill.maker_user_id, fill.value_minor, fill.trade
        given_by, taken_by = books.orders_account(maker, given), books.wallet_account(maker, taken)
        if buying:
            paid, earned = value + fill.taker_fee_minor, value - fill.maker_fee_minor
            payer, payee, giver, receiver = spent, taken_by, given_by, got
        else:
            paid, earned = value + fill.maker_fee_minor, value - fill.taker_fee_minor
            payer, payee, giver, receiver = given_by, got, spent, taken_by
        if later and earned:
            buyer, seller = (taker, maker) if buying else (maker, taker)
            payee = books.unsettled_account(buyer, quote)
            receiver = books.unsettled_account(seller, base)
            deferred.append(_settlement(event, fill, seller, buyer, earned))
        transfers += _legs(
            trade, payer=payer, payee=payee, ours=ours, paid_minor=paid, earned_minor=earned
        )
        transfers.append(
            NewTransfer(
                id=books.match_id(trade, "base"),
                debit=giver,
                credit=receiver,
                amount_minor=fill.lots * event.lot_minor,
                code=_TRADE,
            )
        )
        left = fill.maker_released_minor
        if left:
            transfers.append(releasing(maker, fill.maker, given, left, moves=fill.maker_moves))
    if event.released_minor:
        transfers.append(
            releasing(taker, event.order, taken, event.released_minor, moves=event.moves)
        )
    return _deferring(deferred, credited(transfers)) if deferred else credited(transfers)


def _settlement(
    event: TradesExecuted, fill: Fill, seller: str, buyer: str, earned_minor: int
) -> NewSettlement:
    return NewSettlement(
        trade_id=books.match_trade_id(fill.trade),
        seller=seller,
        buyer=buyer,
        security=event.base,
        quantity_minor=fill.lots * event.lot_minor,
        cash=event.quote,
        amount_minor=earned_minor,
        cycle=Cycle(event.settling.value),
        prefunded=True,
        origin=event.market,
    )


def _deferring(settlements: list[NewSettlement], booked: Sequence[Step]) -> Sequence[Step]:
    """Return the steps that set both sides of trades aside, and have them settled on their day; at
    once where no day can be found for them."""

    def then(reply: Reply) -> Sequence[Step]:
        results = zip(settlements, reply.body["results"], strict=True)
        return [step for each, told in results if "code" in told for step in _at_once(each)]

    accounts = {
        (party, asset): None
        for each in settlements
        for party, asset in ((each.buyer, each.cash), (each.seller, each.security))
    }
    opened = [account for key in accounts for account in books.unsettled_accounts(*key)]
    starts = range(0, len(settlements), SETTLEMENTS_MAX)
    parts = [settlements[start : start + SETTLEMENTS_MAX] for start in starts]
    return [
        Order(OpenAccounts(accounts=opened)),
        *booked,
        *(Order(InstructSettlements(settlements=part), then=then) for part in parts),
    ]


def _at_once(settlement: NewSettlement) -> Sequence[Step]:
    moves = [
        Move(
            settlement.seller,
            settlement.buyer,
            settlement.security,
            settlement.quantity_minor,
            prefunded=True,
        ),
        Move(
            settlement.buyer,
            settlement.seller,
            settlement.cash,
            settlement.amount_minor,
            prefunded=True,
        ),
    ]
    return credited(legs.transfers_of(books.settle_stem(settlement.trade_id, 1), moves))


def _legs(
    trade: int, *, payer: str, payee: str, ours: str, paid_minor: int, earned_minor: int
) -> list[NewTransfer]:
    """Return how the quote asset moves: from the payer to the payee, and the rest to us, or from
    us."""
    legs = []
    direct = min(paid_minor, earned_minor)
    if direct:
        legs.append(
            NewTransfer(
                id=books.match_id(trade, "quote"),
                debit=payer,
                credit=payee,
                amount_minor=direct,
                code=_TRADE,
            )
        )
    fee = paid_minor - earned_minor
    if fee:
        legs.append(
            NewTransfer(
                id=books.match_id(trade, "fee"),
                debit=payer if fee > 0 else ours,
                credit=ours if fee > 0 else payee,
                amount_minor=abs(fee),
                code=_FEE,
            )
        )
    return legs


def route(event: OrderRouted) -> Sequence[Step]:
    """Ask the provider, once the row is durable."""
    effect = RouteToProvider(
        route=event.route,
        order=event.order,
        provider=event.provider,
        market=event.market,
        terms=event.terms,
        side=event.side,
        lots=event.lots,
        limit=event.limit,
        all_or_none=event.all_or_none,
    )
    return [Perform(effect)]


def settle_route(event: RouteEnded) -> Sequence[Step]:
    """Book what a provider filled; what is left enters again or ends."""
    steps: list[Step] = []
    if event.fills:
        accounts = books.provider_accounts(event.provider, (event.base, event.quote))
        steps.append(Order(OpenAccounts(accounts=accounts)))
        transfers = [leg for fill in event.fills for leg in _with_provider(event, fill)]
        if event.released_minor:
            asset = event.quote if event.side is Side.BUY else event.base
            transfers.append(
                releasing(
                    event.user_id, event.order, asset, event.released_minor, moves=event.moves
                )
            )
        steps += credited(transfers)
    if event.left:
        steps.append(Order(EnterOrder(order=event.order)))
    return steps


def _with_provider(event: RouteEnded, fill: RouteTrade) -> list[NewTransfer]:
    user_id, provider = event.user_id, event.provider
    theirs = {asset: books.provider_account(provider, asset) for asset in (event.base, event.quote)}
    held = {asset: books.orders_account(user_id, asset) for asset in (event.base, event.quote)}
    wallet = {asset: books.wallet_account(user_id, asset) for asset in (event.base, event.quote)}
    buying = event.side is Side.BUY
    value = fill.value_minor
    legs = _legs(
        fill.trade,
        payer=held[event.quote] if buying else theirs[event.quote],
        payee=theirs[event.quote] if buying else wallet[event.quote],
        ours=books.earnings_account(event.quote),
        paid_minor=value + fill.fee_minor if buying else value,
        earned_minor=value if buying else value - fill.fee_minor,
    )
    base = NewTransfer(
        id=books.match_id(fill.trade, "base"),
        debit=theirs[event.base] if buying else held[event.base],
        credit=wallet[event.base] if buying else theirs[event.base],
        amount_minor=fill.lots * event.lot_minor,
        code=_TRADE,
    )
    return [*legs, base]
