"""Which examples stand in a page, and does what they print look as the page says?

A block fenced as `sh` or `python` is run; a `json` or `text` block right after it is what it
prints. In `json` the times, and what names a request, may differ; a key that the page leaves out
may be there. In `text`, `…` stands for anything. A block fenced as `console` is for the reader:
what stands after `$ ` is not run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_PROMPT = re.compile(r"^\$ (?P<command>.*?)(?:\s+#.*)?$", re.MULTILINE)
RUN = frozenset({"sh", "python"})
PRINTED = frozenset({"json", "text"})


class Block(NamedTuple):
    """A fenced block of a page, and the line where it begins."""

    kind: str
    text: str
    line: int


class Example(NamedTuple):
    """A block to run, and the block that shows what it prints, if one follows."""

    run: Block
    prints: Block | None


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    text = page.read_text("utf-8")
    return [
        Block(found["kind"], found["text"], text.count("\n", 0, found.start()) + 1)
        for found in _BLOCK.finditer(text)
    ]


def examples(page: Path) -> Iterator[Example]:
    """Yield what is to be run."""
    all_blocks = blocks(page)
    for block, following in zip(all_blocks, [*all_blocks[1:], None], strict=True):
        if block.kind in RUN:
            printed = following is not None and following.kind in PRINTED
            yield Example(block, following if printed else None)


def commands(page: Path) -> Iterator[str]:
    """Yield the command lines that are for the reader."""
    for block in blocks(page):
        if block.kind == "console":
            for found in _PROMPT.finditer(block.text):
                yield found["command"]


def differs(expected: Block, printed: str) -> str:
    """Return how what was printed differs from what the page shows, "" when it does not."""
    if expected.kind == "text":
        parts = [re.escape(part) for part in expected.text.strip().split("…")]
        lines = "\n".join(line.rstrip() for line in printed.strip().splitlines())
        same = re.fullmatch(".*?".join(parts), lines, re.DOTALL)
        return "" if same else f"shown:\n{expected.text}\nprinted:\n{printed}"
    shown, told = documents(expected.text), documents(printed)
    if len(shown) != len(told):
        return f"{len(shown)} documents are shown, {len(told)} printed:\n{printed}"
    return "\n".join(
        line
        for number, (one, other) in enumerate(zip(shown, told, strict=True), 1)
        for line in _differences(one, other, f"document {number}")
    )


def documents(text: str) -> Sequence[Any]:
    """Return the JSON documents that stand one after the other in a text."""
    found, decoder, rest = [], json.JSONDecoder(), text.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        found.append(document)
        rest = rest[end:].lstrip()
    return found


def _differences(shown: Any, told: Any, where: str) -> Iterator[str]:
    if isinstance(shown, dict) and isinstance(told, dict):
        for name, value in shown.items():
            at = f"{where}/{name}"
            if name not in told:
                yield f"{at} is shown, and not told"
            elif not _varies(name):
                yield from _differences(value, told[name], at)
    elif isinstance(shown, list) and isinstance(told, list) and len(shown) == len(told):
        for index, (one, other) in enumerate(zip(shown, told, strict=True)):
            yield from _differences(one, other, f"{where}/{index}")
    elif shown != told:
        yield f"{where}: {shown!r} is shown, {told!r} told"


def _varies(name: str) -> bool:
    return name in ("request_id", "at") or name.endswith("_at")
