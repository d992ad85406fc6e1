"""Which status, title and remedy belongs to each refusal of an order, or of what runs the markets?

The codes of the ledger, which holds the funds, stand with the ledger's.
"""

from __future__ import annotations

from nostro.api.problem_row import Row

_MEND = "Nothing was placed. Mend the order and send it under another client_order_id."
_STANDS = "The order stands as it was; read its present state."
_FLOWS = "Send one of the documented commands instead."
_DECIMAL = 'Send a decimal string such as "65000.50"; NaN and infinity are no numbers.'
_ABOVE_ZERO = "Send a number greater than zero, or leave it out where it is optional."

EXCHANGE: dict[str, Row] = {
    # -- what an order says ------------------------------------------------------------------------
    "exchange.price_not_a_number": Row(422, "The price is not a number", _DECIMAL),
    "exchange.price_not_positive": Row(422, "The price is not greater than zero", _ABOVE_ZERO),
    "exchange.price_too_large": Row(
        422, "The price is too large", "Send at most price_max; check the unit of the price."
    ),
    "exchange.price_off_tick": Row(
        422,
        "The price is no multiple of the market's tick",
        "Send nearest_below or nearest_above; we never round a price for you.",
    ),
    "exchange.quantity_not_a_number": Row(422, "The quantity is not a number", _DECIMAL),
    "exchange.quantity_not_positive": Row(
        422, "The quantity is not greater than zero", _ABOVE_ZERO
    ),
    "exchange.quantity_too_large": Row(
        422, "The quantity is too large", "Send at most quantity_max."
    ),
    "exchange.quantity_off_lot": Row(
        422,
        "The quantity is no multiple of the market's lot",
        "Send nearest_below or nearest_above; we never round a quantity for you.",
    ),
    "exchange.amount_not_a_number": Row(422, "The amount is not a number", _DECIMAL),
    "exchange.amount_not_positive": Row(422, "The amount is not greater than zero", _ABOVE_ZERO),
    "exchange.bad_user_id": Row(422, "The user id is not valid", "1 to 48 of A-Z a-z 0-9 . _ @ -."),
    "exchange.bad_order": Row(422, "The order makes no sense", f"See `field` and `what`. {_MEND}"),
    "exchange.bad_price": Row(
        422, "The price cannot be used in this market", "Send a whole number of ticks above zero."
    ),
    "exchange.bad_quantity": Row(
        422, "The quantity cannot be used in this market", "Send a whole number of lots above zero."
    ),
    "exchange.quantity_below_minimum": Row(
        422, "The quantity is below the market's minimum", "Send at least the minimum in facts."
    ),
    "exchange.quantity_above_maximum": Row(
        422, "The quantity is above the market's maximum", "Split the order; see facts."
    ),
    "exchange.value_below_minimum": Row(
        422, "The order is worth less than the market's minimum", "Send a larger quantity."
    ),
    "exchange.value_above_maximum": Row(
        422, "The order is worth more than can be booked", "Split it: at most 38 digits."
    ),
    "exchange.price_outside_band": Row(
        422,
        "The price is farther from the reference than the market allows",
        "Send a price within the band in facts: it keeps a slip of a digit from trading.",
    ),
    "exchange.worst_price_missing": Row(
        422,
        "A market order needs a worst price here",
        "Send `worst_price` (or `price`): this market has no band that bounds it.",
    ),
    "exchange.expiry_passed": Row(
        422, "The order would have expired already", "Send an `expires_at` that is yet to come."
    ),
    "exchange.too_many_orders": Row(
        422, "Too many orders are open", "Cancel some first; see facts for the bound."
    ),
    "exchange.too_many_in_command": Row(
        422, "Too many orders in one request", "Split it: at most 500 orders."
    ),
    "exchange.user_differs": Row(
        422, "The order is of another user than the batch", "Send a batch for each user."
    ),
    "exchange.client_order_id_twice": Row(
        422,
        "Two orders of the batch have the same client_order_id",
        "Each order has its own; the first of the two was placed.",
    ),
    "exchange.client_order_id_used": Row(
        409,
        "Another order of the user has this client_order_id",
        "Nothing was placed. GET /orders/{id} tells how that order stands; a new one needs a new "
        "client_order_id.",
    ),
    "exchange.insufficient_funds": Row(
        422,
        "The wallet has not enough available for this order",
        "Deposit, or send a smaller one: a new order was rejected, and needs another"
        " client_order_id; one that was to be changed stays as it was.",
    ),
    # -- where it goes -----------------------------------------------------------------------------
    "exchange.market_unknown": Row(
        404, "There is no such market", "GET /markets lists them; write symbols as BTC/USD."
    ),
    "exchange.market_ambiguous": Row(
        422,
        "Several markets trade this asset",
        "Name one: send `quote`, such as USD, or `symbol`, such as BTC/USD.",
    ),
    "exchange.market_not_open": Row(
        409, "The market takes no orders now", "See `state`; GET /markets/{symbol} tells it."
    ),
    "exchange.trading_stopped": Row(
        403, "Trading is stopped by the kill switch", "Ask the operator, who can let it go on."
    ),
    "exchange.not_here": Row(
        501, "This platform runs no exchange", "Ask one that was started with its markets."
    ),
    # -- an order that stands ----------------------------------------------------------------------
    "exchange.order_unknown": Row(
        404, "There is no such order", "Check its id; only its own user may read or change it."
    ),
    "exchange.order_not_open": Row(409, "The order is not open any more", _STANDS),
    "exchange.order_routed": Row(
        409,
        "A liquidity provider has the order",
        "Its answer comes first, within seconds; then send it again.",
    ),
    "exchange.nothing_changes": Row(
        422, "The order is so already", "Send another price or another quantity."
    ),
    "exchange.cannot_amend": Row(422, "The order cannot be changed so", f"See `what`. {_STANDS}"),
    "exchange.everybody_and_user": Row(
        422, "Both everybody and a user are named", "Send everybody=true, or user_id."
    ),
    # -- running the markets -----------------------------------------------------------------------
    "exchange.bad_market": Row(
        422, "The market's symbol is not valid", "Both codes and the slash: at most 32 characters."
    ),
    "exchange.market_exists": Row(
        409,
        "The market exists, with other terms",
        "Nothing was changed. Terms never change; PATCH changes the rules.",
    ),
    "exchange.asset_unknown": Row(
        422, "The asset is not registered", "GET /api/v1/ledger/assets lists those that are."
    ),
    "exchange.same_assets": Row(
        422, "A market trades two assets", "Name two different assets in the symbol."
    ),
    "exchange.market_closing": Row(
        409,
        "The market is still cancelling its orders",
        "Wait until GET /markets/{symbol} tells of none, then open it.",
    ),
    "exchange.bad_reason": Row(422, "The reason is too long", "At most 200 characters."),
    "exchange.bad_terms": Row(422, "The market's terms make no sense", "See `field`, `what`."),
    "exchange.bad_rules": Row(422, "The market's rules make no sense", "See `field`, `what`."),
    "exchange.provider_unknown": Row(
        422,
        "There is no such liquidity provider here",
        "Name one of `providers`, or best: all of them compete.",
    ),
    "exchange.reference_missing": Row(
        409,
        "A market with a band needs a reference price first",
        "Set it: POST /markets/{symbol}/reference. Then open the market.",
    ),
    "exchange.fee_schedule_unknown": Row(
        404, "There is no such fee schedule", "Set it first, with POST /fees."
    ),
    "exchange.bad_fees": Row(
        422,
        "These fees cannot be",
        "A taker pays 0 to 10000 bps, a maker at most 10000; no rebate above any taker's fee.",
    ),
    "exchange.bps_not_a_number": Row(
        422, "The basis points are not a number", 'Send a decimal string such as "2.5" or "-0.5".'
    ),
    "exchange.bps_out_of_range": Row(
        422, "The basis points are out of range", "Send -10000 to 10000, at most two decimals."
    ),
    "exchange.suspension_unknown": Row(
        404, "There are no such suspended funds", "GET /trading/suspensions lists them."
    ),
    # -- said by flows and performers --------------------------------------------------------------
    "exchange.route_unknown": Row(404, "There is no such route to a provider", _FLOWS),
    "exchange.bad_fill": Row(
        409, "The provider says what cannot be", "People must look: it is noted as a break."
    ),
    "exchange.not_in_course": Row(409, "Only a flow may say this", _FLOWS),
}
