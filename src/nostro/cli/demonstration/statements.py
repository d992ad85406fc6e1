"""Do the rails, by their own books, tell of the same movements as the platform?

As with the statement of a correspondent bank: every movement there must be one of the platform's,
and the other way round, each of them once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from nostro.cli.demonstration.proof import CHAIN
from nostro.cli.demonstration.scene import Scene
from nostro.cli.demonstration.stage import RAILS_DIR
from nostro.cli.demonstration.traffic import CURRENCIES

MOVED = "settled"


class Movement(NamedTuple):
    """What one movement is, to either side. `direction` is seen from the platform."""

    rail: str
    instruction: str
    bank: str
    currency: str
    direction: str
    amount: Decimal


async def compare(scene: Scene) -> None:
    """Compare the movements on the rails, one by one."""
    own = Counter(_own(scene))
    theirs = Counter(_theirs(scene.stage.data_dir / RAILS_DIR))
    twice = [each.instruction for each, count in theirs.items() if count > 1]
    scene.check("no rail has moved anything twice", not twice, twice[:3])
    strange = [*(theirs - own), *(own - theirs)]
    scene.check(
        f"the rails' own books tell of the same {theirs.total()} movements",
        not strange and bool(theirs),
        strange[:3],
    )
    scene.done["movements found in the rails' own books"] = theirs.total()


def _own(scene: Scene) -> Iterator[Movement]:
    for status in scene.day.settlements.values():
        for move in status["instructions"]:
            if move["state"] == MOVED:
                yield Movement(
                    move["rail"],
                    move["instruction_id"],
                    move["participant_id"],
                    move["currency"],
                    move["direction"],
                    Decimal(move["amount"]),
                )


def _theirs(directory: Path) -> Iterator[Movement]:
    """Yield the movements of all rails; their files have one JSON object a line."""
    for file in sorted(directory.glob("*.jsonl")):
        for line in file.read_bytes().splitlines():
            entry = msgspec.json.decode(line)
            if entry["mark"] == MOVED:
                yield _movement(file.stem, entry["order"])


def _movement(rail: str, order: dict[str, Any]) -> Movement:
    currency = order["currency"]
    return Movement(
        rail,
        order["instruction_id"].removeprefix(f"{CHAIN}:"),
        order["participant_id"],
        currency,
        order["direction"],
        Decimal(order["amount_minor"]).scaleb(-CURRENCIES[currency][0]),
    )
