"""What is said of each refusal of the feeds?"""

from __future__ import annotations

from nostro.api.problem_row import Row

FEEDS: dict[str, Row] = {
    "feeds.not_here": Row(
        503,
        "There are no feeds to follow right now",
        "Connect again in a moment; subscribe with `after`, and nothing is missed.",
        retryable=True,
    ),
    "feeds.full": Row(
        503,
        "Too many connections follow the feeds",
        "Connect again in a moment, and follow everything over one connection.",
        retryable=True,
    ),
    "feeds.too_many_connections": Row(
        429,
        "Too many connections of one caller follow the feeds",
        "Follow everything over one connection, and close those that are not needed. Who shows a "
        "token or a key is counted by user, everybody else by address.",
        retryable=True,
    ),
    "feeds.bad_message": Row(
        422,
        "The message cannot be read",
        'Send one JSON object: {"op": "subscribe", "channel": "book", "symbol": "BTC/USD"}.',
    ),
    "feeds.unknown_op": Row(
        422, "There is no such op", "Send subscribe, unsubscribe, auth or ping."
    ),
    "feeds.unknown_channel": Row(
        404, "There is no such channel", "The hello message names all channels."
    ),
    "feeds.unknown_market": Row(404, "There is no such market", "GET /markets names them."),
    "feeds.login_needed": Row(
        401,
        "The channel is private",
        'Send {"op": "auth", "token": ...} first, or an Authorization header when you connect.',
    ),
    "feeds.subscribed_already": Row(
        409, "The channel is followed already", "Unsubscribe first to begin anew."
    ),
    "feeds.not_subscribed": Row(409, "The channel is not followed", "There is nothing to do."),
    "feeds.too_many_subscriptions": Row(
        409, "The connection follows too much", "Unsubscribe from what is not needed."
    ),
    "feeds.too_large": Row(
        413, "The message is too large", "No message has more than a few hundred bytes."
    ),
    "feeds.not_text": Row(415, "The message is binary", "Send JSON as text."),
    "feeds.too_many_messages": Row(
        429,
        "Too many messages came",
        "Send fewer; one subscribe for each channel is enough.",
        retryable=True,
    ),
}
