"""How does a program follow the exchange, and miss nothing when the server or the line fails?

    async with asyncio.timeout(60):
        feed = Feed("http://127.0.0.1:8080")
        book = feed.follow_book("BTC/USD")
        async for update in feed:
            print(book.sequence, book.best_bid, book.best_ask)

It needs httpx, msgspec and websockets, and nothing else of Nostro.
"""

from nostro.client.book import Book, OutOfStep
from nostro.client.feed import Feed, Stats, Update
from nostro.client.wire import Refused

__all__ = ["Book", "Feed", "OutOfStep", "Refused", "Stats", "Update"]
