"""Is a name on the list in a file, or close to one that is?

The file is CSV: `id,name,type` and any number of aliases after them. A name is found when its words
are those of an entry in any order (exact: 100), when they are nearly (the share of letters that
agree, in per cent), or when the two share two words and the rest of the one is missing in the other
(at most 99). It is read again when it changes; a broken one leaves the last good one standing.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import structlog
from rapidfuzz import fuzz, process

from nostro.adapters.screening.names import normalised

log = structlog.get_logger(__name__)

THRESHOLD = 88
"""Per cent from which on a name is close. Chosen so that one letter wrong in ten is found and the
common surname of two people is not; tests/adapters/screening has the pairs."""
NEAR_LOOKED_AT_MAX = 50
HITS_MAX = 5
"""Hits told of one name, the closest first."""
ENTRIES_MAX = 200_000
BYTES_MAX = 100_000_000
LOOK_EVERY_S = 1.0
"""How long the file is believed unchanged."""
REMEMBERED_MAX = 65_536
SHARED_WORDS = 2
"""Words that a name and an entry must share before it matters that the one has more than the other:
with one, everybody of that surname would be found."""
COMMON_MAX = 1_000
"""A word that more spellings have than this tells nobody apart."""
NEAR_MAX = 99
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z", re.ASCII)
_CODE = re.compile(r"[^A-Za-z0-9._-]+")


class ListBroken(ValueError):
    """The file is no list: why, and in which line."""


class Entry(NamedTuple):
    """One party of the list and what it is called."""

    id: str
    type: str
    names: tuple[str, ...]


class _Loaded(NamedTuple):
    """A list ready to be searched. `spellings`: every name, its words sorted, the shortest first;
    `lengths`: theirs; `ids`: whose each is; `words`: the places of the spellings with a word."""

    label: str
    hash: str
    entries: int
    spellings: list[str]
    lengths: list[int]
    ids: list[str]
    words: dict[str, list[int]]
    exact: dict[str, list[str]]
    stamp: tuple[int, int, int]


class FileScreening:
    """The Screening of a platform by a list in a file; None for no list, and no hits.

    A hit is `list:entry:score`; the list is told as its name and the first 8 hexadecimal digits of
    the SHA-256 of the file, so that each hit says by which version it was found. For one thread.
    """

    def __init__(self, path: Path | None, *, threshold: int = THRESHOLD) -> None:
        """Read the list; raises ListBroken, or OSError when there is no such file."""
        self._path = path
        self._threshold = threshold
        self._looked_at_s = monotonic()
        self._known: dict[str, list[str]] = {}
        self._loaded = None if path is None else _load(path)
        self._refused: tuple[int, int, int] | None = None

    @property
    def version(self) -> str:
        """Return name and hash of the list in use, "" without one."""
        return self._loaded.label if self._loaded is not None else ""

    @property
    def entries(self) -> int:
        """Return how many parties are on the list in use."""
        return self._loaded.entries if self._loaded is not None else 0

    def hits(self, names: Sequence[str]) -> list[str]:
        """Return what the names are close to, each once, the closest first for each name."""
        if self._path is None:
            return []
        self._look()
        loaded = self._loaded
        assert loaded is not None
        found: dict[str, None] = {}
        for name in names:
            for hit in self._hits_of(name, loaded):
                found[hit] = None
        return list(found)

    def _hits_of(self, name: str, loaded: _Loaded) -> list[str]:
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= REMEMBERED_MAX:
                self._known.clear()
            known = self._known[name] = _search(name, loaded, self._threshold)
        return known

    def _look(self) -> None:
        """Read the list again if it has changed since."""
        now_s = monotonic()
        if now_s - self._looked_at_s < LOOK_EVERY_S:
            return
        self._looked_at_s = now_s
        assert self._path is not None
        assert self._loaded is not None
        try:
            stamp = _stamp(self._path)
            if stamp in (self._loaded.stamp, self._refused):
                return
            self._refused = stamp
            self._loaded = _load(self._path)
        except (OSError, ListBroken) as error:
            log.error("screening.list_not_read", reason=str(error), kept=self._loaded.label)
            return
        self._known.clear()
        log.info("screening.list_read", version=self.version, entries=self.entries)


def _stamp(path: Path) -> tuple[int, int, int]:
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size, found.st_ino


def _load(path: Path) -> _Loaded:
    stamp = _stamp(path)
    if stamp[1] > BYTES_MAX:
        raise ListBroken(f"the list has more than {BYTES_MAX} bytes")
    data = path.read_bytes()
    entries = read_entries(data)
    digest = hashlib.sha256(data).hexdigest()
    pairs = {(_sorted_words(name), each.id) for each in entries for name in each.names}
    ordered = sorted((pair for pair in pairs if pair[0]), key=lambda pair: (len(pair[0]), *pair))
    words: dict[str, list[int]] = {}
    exact: dict[str, list[str]] = {}
    for place, (spelling, id) in enumerate(ordered):
        exact.setdefault(spelling, []).append(id)
        for word in set(spelling.split()):
            words.setdefault(word, []).append(place)
    label = f"{_CODE.sub('-', path.stem)[:40]}@{digest[:8]}"
    return _Loaded(
        label=label,
        hash=digest,
        entries=len(entries),
        spellings=[spelling for spelling, _ in ordered],
        lengths=[len(spelling) for spelling, _ in ordered],
        ids=[id for _, id in ordered],
        words=words,
        exact=exact,
        stamp=stamp,
    )


def read_entries(data: bytes) -> list[Entry]:
    """Return the parties of a list; raises ListBroken."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ListBroken(f"it is not UTF-8: {error.reason}") from error
    rows = csv.reader(io.StringIO(text), strict=True)
    try:
        return list(_entries(rows))
    except csv.Error as error:
        raise ListBroken(f"line {rows.line_num}: {error}") from error


def _entries(rows: Iterable[list[str]]) -> Iterable[Entry]:
    seen: set[str] = set()
    for number, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if number == 1 and [cell.lower() for cell in cells[:2]] == ["id", "name"]:
            continue
        if len(cells) < 2 or not _ID.match(cells[0]) or not normalised(cells[1]):
            raise ListBroken(f"row {number}: an id, a name, a type and aliases are expected")
        if cells[0] in seen:
            raise ListBroken(f"row {number}: the id {cells[0]} stands there twice")
        if len(seen) >= ENTRIES_MAX:
            raise ListBroken(f"it has more than {ENTRIES_MAX} parties")
        seen.add(cells[0])
        names = (cells[1], *(name for name in cells[3:] if name))
        yield Entry(cells[0], cells[2] if len(cells) > 2 else "", names)


def _sorted_words(name: str) -> str:
    return " ".join(sorted(normalised(name).split()))


def _search(name: str, loaded: _Loaded, threshold: int) -> list[str]:
    """Return the hits of one name, the closest first, one for each entry."""
    asked = _sorted_words(name)
    if not asked:
        return []
    scores: dict[str, int] = dict.fromkeys(loaded.exact.get(asked, ()), 100)
    if not scores:
        _near(asked, loaded, threshold, scores)
    closest = sorted(scores.items(), key=lambda found: (-found[1], found[0]))[:HITS_MAX]
    return [f"{loaded.label}:{id}:{score}" for id, score in closest]


def _near(asked: str, loaded: _Loaded, threshold: int, scores: dict[str, int]) -> None:
    """Add entries whose letters agree, and those that share words."""
    # Of two texts of length a and b at most 2 min(a, b) of a + b letters agree.
    length = len(asked)
    first = bisect_left(loaded.lengths, length * threshold // (200 - threshold))
    last = bisect_right(loaded.lengths, -(-length * (200 - threshold) // threshold))
    near = process.extract(
        asked,
        loaded.spellings[first:last],
        scorer=fuzz.ratio,
        score_cutoff=threshold,
        limit=NEAR_LOOKED_AT_MAX,
    )
    found = [(first + place, score) for _, score, place in near]
    for place, shared in _sharing(asked, loaded).most_common(NEAR_LOOKED_AT_MAX):
        if shared >= SHARED_WORDS:
            found.append((place, fuzz.token_set_ratio(asked, loaded.spellings[place])))
    for place, score in found:
        if score >= threshold:
            id = loaded.ids[place]
            scores[id] = max(scores.get(id, 0), min(int(score), NEAR_MAX))


def _sharing(asked: str, loaded: _Loaded) -> Counter[int]:
    """Return by place how many words a spelling shares with a name."""
    shared: Counter[int] = Counter()
    for word in set(asked.split()):
        places = loaded.words.get(word, ())
        if len(places) <= COMMON_MAX:
            shared.update(places)
    return shared
