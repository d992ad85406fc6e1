"""Do the books say what they must: by the demo's own reckoning, added up, and under audit?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from nostro.adapters.postgres.launcher import running_server
from nostro.cli.demonstration.customers import STAFF
from nostro.cli.demonstration.dvp_book import AT_HOME
from nostro.cli.demonstration.ownbooks import OwnAccount
from nostro.cli.demonstration.scene import (
    BROKEN,
    VERIFIED,
    AuditLine,
    BalanceLine,
    Broken,
    Scene,
    TrialLine,
)
from nostro.cli.demonstration.session import ASSETS

LEDGER = "/api/v1/ledger"
CHAIN = "main"
PAGE = 500
COMMITTEE = Path("members", "committee.json")
_FIRST = ("wallet", "nostro")
_UNTOLD = frozenset(STAFF)
_OF_BANKS = "vostro:"
_UNTOLD_KINDS = (_OF_BANKS, "transit:")
"""Hundreds of accounts, of staff and of banks, are compared but not listed."""


async def prove(scene: Scene) -> None:
    """Compare, add up, and audit."""
    compared = await _compare_balances(scene)
    remembered = await _compare_the_past(scene)
    added_up = await _add_up(scene)
    await _audit(scene)
    traded = scene.session.conserved or not scene.session.opened
    delivered = scene.dvp.conserved or not scene.dvp.opened
    scene.facts.conserved = compared and remembered and added_up and traded and delivered


def _told_apart(scene: Scene) -> frozenset[str]:
    """Return the assets that are added up by each trader's fills, or by each party's
    settlements."""
    traded = ASSETS if scene.session.opened else ()
    return frozenset((*traded, *(AT_HOME if scene.dvp.opened else ())))


async def _compare_balances(scene: Scene) -> bool:
    """Every account of the platform must be one of ours, with our totals, and the other way
    round."""
    differing: list[str] = []
    missing = dict(scene.books.accounts)
    async for told in _accounts(scene):
        if told["asset"] in _told_apart(scene):
            continue
        own = missing.pop(told["id"], None)
        if own is None or _told(told) != _own(own):
            differing.append(f"{told['id']}: told {_told(told)}, own {own}")
        if own is not None and told["id"].startswith(_OF_BANKS):
            scene.day.vostros.append((own.asset, Decimal(told["balance"]["posted"]), own.posted))
        listed = told["id"] not in _UNTOLD and not told["id"].startswith(_UNTOLD_KINDS)
        if listed and _is_used(told):
            scene.balances.append(_line(told["balance"], own))
    scene.balances.sort(key=lambda line: (_rank(line.account), line.account))
    count = len(scene.books.accounts)
    differing += [f"{id}: not told of" for id in missing]
    return scene.check(
        f"all {count} accounts have the totals of the demo's own books",
        not differing,
        "; ".join(differing[:3]),
    )


async def _compare_the_past(scene: Scene) -> bool:
    """Balances as of earlier heights must be what they were then."""
    wrong = []
    for moment in scene.remembered:
        told = await scene.door.read(
            f"{LEDGER}/balances", account=moment.account, as_of_height=moment.height
        )
        if (Decimal(told["posted"]), Decimal(told["held"])) != (moment.posted, moment.held):
            wrong.append(f"{moment}, told {told}")
    what = f"{len(scene.remembered)} balances as of earlier heights are what they were then"
    return scene.check(what, not wrong, "; ".join(wrong[:2]))


async def _add_up(scene: Scene) -> bool:
    """In each asset all debits must equal all credits, and both be what the demo counted."""
    told = await scene.door.read(f"{LEDGER}/trial-balance", at_least=scene.door.tally.height)
    scene.facts.height = int(told["height"])
    sums = {}
    for row in told["data"]:
        totals = row["totals"]
        debits, credits = totals["debits_posted"], totals["credits_posted"]
        sums[row["asset"]] = (Decimal(debits), Decimal(credits))
        scene.trial_balance.append(
            TrialLine(row["asset"], row["accounts"], debits, credits, row["difference"])
        )
    unequal = {asset: both for asset, both in sums.items() if both[0] != both[1]}
    zero = scene.check("the trial balance is zero in each asset", not unequal, unequal)
    own = {asset: (debits, credits) for asset, debits, credits in scene.books.by_asset()}
    sums = {asset: both for asset, both in sums.items() if asset not in _told_apart(scene)}
    return scene.check("its sums are those of the demo's own books", sums == own, sums) and zero


async def _audit(scene: Scene) -> None:
    """Let the auditor behind `nostro verify` recompute everything from the journal, and check every
    certificate with the keys that the members published when they were set up."""
    from nostro.adapters.members.committee import genesis_of
    from nostro.adapters.members.home import CommitteeFile
    from nostro.wiring.audit import audit_database  # its parts take a while to load

    server = running_server(scene.stage.data_dir)
    if server is None:
        raise Broken("PostgreSQL is not running at the end")
    published = (scene.stage.data_dir / COMMITTEE).read_bytes()
    trusted = genesis_of(msgspec.json.decode(published, type=CommitteeFile))
    with scene.progress("rows audited", scene.facts.height) as advance:
        report = await asyncio.to_thread(
            audit_database,
            server.url(),
            CHAIN,
            trusted=trusted,
            data_dir=scene.stage.data_dir,
            progress=advance,
        )
    for verdict in report.verdicts:
        scene.check(f"the audit of the {verdict.check} finds nothing", verdict.sound, verdict.told)
        scene.audit.append(AuditLine(verdict.check, verdict.sound, verdict.told))
    same = report.height == scene.facts.height
    scene.check("the views tell of all the journal", same, f"{report.height} rows")
    scene.facts.height = report.height
    scene.facts.chain = VERIFIED if report.sound else BROKEN


async def _accounts(scene: Scene) -> AsyncIterator[dict[str, Any]]:
    cursor: dict[str, str] = {}
    while True:
        page = await scene.door.read(
            f"{LEDGER}/accounts", limit=PAGE, at_least=scene.door.tally.height, **cursor
        )
        for account in page["data"]:
            yield account
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def _told(account: dict[str, Any]) -> tuple[str, str, tuple[Decimal, ...]]:
    totals = account["balance"]["totals"]
    names = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
    amounts = (*(Decimal(totals[name]) for name in names), Decimal(account["balance"]["posted"]))
    return account["asset"], account["side"], amounts


def _is_used(account: dict[str, Any]) -> bool:
    return any(Decimal(total) for total in account["balance"]["totals"].values())


def _rank(account: str) -> int:
    """Put customers first, then our own money, then the rest of the house."""
    kind = account.partition(":")[0]
    return _FIRST.index(kind) if kind in _FIRST else len(_FIRST)


def _own(own: OwnAccount) -> tuple[str, str, tuple[Decimal, ...]]:
    amounts = (own.debits, own.credits, own.debits_held, own.credits_held, own.posted)
    return own.asset, own.normal.value, amounts


def _line(balance: dict[str, Any], own: OwnAccount | None) -> BalanceLine:
    return BalanceLine(
        account=balance["account"],
        posted=balance["posted"],
        held=balance["held"],
        own=own.posted if own else None,
    )
