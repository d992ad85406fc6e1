"""A follower in a process of its own, for tests that end it: `python -m ... URL`."""

from __future__ import annotations

import sys

from nostro.adapters.postgres.follower import run_follower
from nostro.runtime import projector
from nostro.wiring.rooms import make_house

if __name__ == "__main__":
    projector.ROWS_MAX = 3  # many commits, so that a kill finds one under way
    run_follower(url=sys.argv[1], chain="main", house=make_house(), snapshot_every=20)
