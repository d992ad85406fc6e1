"""What do the children of `nostro up` run: the server (engine and API), the members (who certify
batches), the follower (views), or a settlement domain?"""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import sys
from typing import Any

import uvloop

from nostro.adapters.telemetry.logging import configure_logging
from nostro.kernel.seen import choose_primes
from nostro.runtime.ending import ended
from nostro.runtime.ports import NotDone
from nostro.wiring.processes import read_order, say_ready, until_told_to_stop
from nostro.wiring.rooms import Stores, make_house
from nostro.wiring.settings import Settings, load_settings

YOUNG_OBJECTS_MAX = 100_000
"""Allocations between two searches for garbage: the state is large, and none of it is garbage."""


FOLLOWER_NICENESS = 5
"""Where there is less processor time than work, views may fall behind; commands are answered."""


def main() -> None:
    """Run the child that the first argument names, on the order that standard input gives."""
    order = read_order()
    settings = load_settings(**order["settings"])
    stores = Stores(**order["stores"])
    configure_logging(settings.log_format, settings.log_level)
    choose_primes(secrets.randbits(64))  # callers choose ids: none of them may know how to collide
    if sys.argv[1] == "follower":
        follow(settings, stores, parent_pid=order["parent_pid"])
        return
    if sys.argv[1].startswith("domain-follower:"):
        follow_a_domain(settings, order["domain"], parent_pid=order["parent_pid"])
        return
    try:
        if sys.argv[1] == "members":
            uvloop.run(_members(settings, stores))
        elif sys.argv[1].startswith("domain:"):
            uvloop.run(_domain(order["domain"]))
        else:
            uvloop.run(_server(settings, stores, order.get("domains", [])))
    except NotDone as outage:
        raise SystemExit(f"error: {outage}") from None


def follow(settings: Settings, stores: Stores, *, parent_pid: int) -> None:
    """Keep the views in step until told to stop, or until the parent is gone."""
    from nostro.adapters.postgres.follower import run_follower  # the server does not need it

    os.nice(FOLLOWER_NICENESS)
    say_ready(name="follower", pid=os.getpid())
    run_follower(
        url=stores.follower,
        chain=settings.chain,
        house=make_house(settings),
        snapshot_every=settings.snapshot_every_rows,
        parent_pid=parent_pid,
    )


def follow_a_domain(settings: Settings, order: dict[str, Any], *, parent_pid: int) -> None:
    """Keep the views and snapshots of a settlement domain in step, as `follow` does the
    platform's."""
    from nostro.wiring.domains import DomainOrder, follow_domain

    os.nice(FOLLOWER_NICENESS)
    say_ready(name=sys.argv[1], pid=os.getpid())
    follow_domain(
        DomainOrder(**order), snapshot_every=settings.snapshot_every_rows, parent_pid=parent_pid
    )


async def _server(settings: Settings, stores: Stores, places: list[dict[str, Any]]) -> None:
    from nostro.wiring.domains import DomainPlace
    from nostro.wiring.server import serve  # nor the follower this

    gc.set_threshold(YOUNG_OBJECTS_MAX, 50, 100)
    domains = [DomainPlace(**place) for place in places]
    await serve(settings, stores, domains=domains, on_ready=_tell)


async def _domain(order: dict[str, Any]) -> None:
    from nostro.wiring.domains import DomainOrder, serve_domain

    gc.set_threshold(YOUNG_OBJECTS_MAX, 50, 100)
    await serve_domain(DomainOrder(**order), on_ready=_tell)


async def _members(settings: Settings, stores: Stores) -> None:
    from nostro.wiring.members import run_members  # nor either of them these

    running = asyncio.create_task(
        run_members(
            data_dir=settings.data_dir,
            url=stores.members or stores.engine,
            chain=settings.chain,
            malicious_members=settings.malicious_members,
            on_ready=lambda: say_ready(name="members", pid=os.getpid()),
        )
    )
    told = asyncio.create_task(until_told_to_stop())
    await asyncio.wait([running, told], return_when=asyncio.FIRST_COMPLETED)
    failure = running.exception() if running.done() else None
    await ended([told, running])
    if failure is not None:
        raise failure


def _tell(facts: dict[str, Any]) -> None:
    gc.collect()
    gc.freeze()
    say_ready(**facts)


if __name__ == "__main__":
    main()
