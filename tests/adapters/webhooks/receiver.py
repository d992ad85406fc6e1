"""An endpoint on this machine that takes messages, or does what endpoints do instead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

REASON = {200: "OK", 302: "Found", 410: "Gone", 500: "Oops"}


@dataclass
class Receiver:
    """What came, and what is answered: statuses in turn, the last one for ever; 0 never answers."""

    statuses: list[int] = field(default_factory=lambda: [200])
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    url: str = ""
    something: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
            told = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
            told = {name.lower(): value for name, value in told.items()}
            body = await reader.readexactly(int(headers["content-length"]))
            self.paths.append(lines[0])
            self.heard.append((told, body))
            self.something.set()
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            if not status:
                await reader.read()  # until the other side gives up
                return
            where = "location: http://127.0.0.1:1/elsewhere\r\n" if status == 302 else ""
            writer.write(
                f"HTTP/1.1 {status} {REASON[status]}\r\n{where}content-length: 0\r\n\r\n".encode()
            )
            await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def receiver(*statuses: int) -> AsyncIterator[Receiver]:
    """Listen on a port of this machine."""
    one = Receiver(list(statuses) or [200])
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    one.url = f"http://{host}:{port}/hook"
    try:
        yield one
    finally:
        server.close()
