"""How does a snapshot of gigabytes lie in PostgreSQL, and how little of it is written each time?

A small one is one value. Of a large one each piece lies under its hash, and a piece that is there
already is not sent again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from nostro.runtime.ports import Snapshot
from nostro.runtime.snapshots import PIECE_BYTES, pieces_of

KNOWN_PIECES = "SELECT hash FROM nostro.snapshot_piece WHERE chain = %s AND hash = ANY(%s)"
SAVE_PIECE = """
    INSERT INTO nostro.snapshot_piece (chain, hash, data) VALUES (%s, %s, %s)
    ON CONFLICT DO NOTHING
"""
SAVE = """
    INSERT INTO nostro.snapshot (chain, height, version, state, state_hash, pieces, created_at)
    VALUES (%s, %s, 1, %s, %s, %s, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
    ON CONFLICT DO NOTHING
"""
FORGET = """
    DELETE FROM nostro.snapshot WHERE chain = %s AND height < (
        SELECT min(height) FROM (SELECT height FROM nostro.snapshot
                                  WHERE chain = %s ORDER BY height DESC LIMIT %s) AS newest)
"""
FORGET_PIECES = """
    DELETE FROM nostro.snapshot_piece AS piece WHERE chain = %s AND NOT EXISTS (
        SELECT FROM nostro.snapshot AS kept
         WHERE kept.chain = piece.chain AND piece.hash = ANY(kept.pieces))
"""
NEWEST = """
    SELECT newest.height, newest.state, newest.state_hash, piece.data
      FROM (SELECT * FROM nostro.snapshot WHERE chain = %s AND height <= %s
             ORDER BY height DESC LIMIT 1) AS newest
      LEFT JOIN LATERAL unnest(newest.pieces) WITH ORDINALITY AS part (hash, place) ON true
      LEFT JOIN nostro.snapshot_piece AS piece
        ON piece.chain = newest.chain AND piece.hash = part.hash
     ORDER BY part.place
"""
"""One row for each piece, or one row; for `assembled`."""


class Parcel(msgspec.Struct, frozen=True):
    """What is written of a snapshot: the value of `state`, and its pieces by hash, in order."""

    state: bytes
    pieces: Mapping[bytes, bytes]
    order: Sequence[bytes]


def parcel(snapshot: Snapshot) -> Parcel:
    """Return a snapshot as it is to be written: whole when one piece is enough."""
    if len(snapshot.state) <= PIECE_BYTES:
        return Parcel(snapshot.state, {}, ())
    pieces = [(hashlib.sha256(piece).digest(), piece) for piece in pieces_of(snapshot)]
    return Parcel(b"", dict(pieces), [hash_ for hash_, _ in pieces])


def assembled(rows: Sequence[tuple[Any, ...]]) -> Snapshot | None:
    """Return the snapshot in the rows of NEWEST; a piece that is missing makes its hash wrong."""
    if not rows:
        return None
    height, state, state_hash, _ = rows[0]
    return Snapshot(height, b"".join((state, *(row[3] or b"" for row in rows))), bytes(state_hash))
