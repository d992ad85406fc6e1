"""How long does a change take to 200 subscribers when every change is a message of its own?

The plain way with the same parts: `broadcast` of the websockets package, one small delta a frame,
in a process that does nothing else. Takes the number of subscribers, changes a second and seconds;
prints its port, waits for them, sends, and prints when each change was sent.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

NAME = "websockets broadcast, one message a change"
QUEUE = 2**20


async def main() -> None:
    """Serve, send, and tell."""
    count, per_s, seconds = (int(each) for each in sys.argv[1:4])
    connections: set[ServerConnection] = set()
    full = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        connections.add(connection)
        await connection.send(_change("snapshot", 0))
        if len(connections) == count:
            full.set()
        await connection.wait_closed()

    async with serve(handle, "127.0.0.1", 0, compression=None, write_limit=QUEUE) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await full.wait()
        await asyncio.to_thread(sys.stdin.readline)
        sent: list[int] = []
        started = time.perf_counter()
        while len(sent) < per_s * seconds:
            due = int((time.perf_counter() - started) * per_s)
            while len(sent) < min(due, per_s * seconds):
                sent.append(time.time_ns() // 1_000)
                broadcast(connections, _change("delta", len(sent)))
                await asyncio.sleep(0)
            await asyncio.sleep(0.001)
        print(json.dumps(sent), flush=True)
        await asyncio.to_thread(sys.stdin.readline)


def _change(kind: str, sequence: int) -> str:
    price = f"{60_000 - sequence % 40}.00"
    return (
        f'{{"type":"{kind}","channel":"book","symbol":"BTC/USD","sequence":{sequence},'
        f'"previous_sequence":{sequence - 1},"at":"","bids":[["{price}","0.{sequence:06d}"]],'
        f'"asks":[],"checksum":0}}'
    )


if __name__ == "__main__":
    uvloop.run(main())
