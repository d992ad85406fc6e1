"""Which benchmarks are run? All, or the ones named; each in a process of its own.

python -m benchmarks [NAME ...]
"""

from __future__ import annotations

import subprocess
import sys

NAMES = (
    "ledger_bulk",
    "ledger_hot_account",
    "ledger_single",
    "ledger_http",
    "recovery",
    "verify",
    "optimiser",
    "consensus",
    "book",
    "payments_http",
    "payments_bulk",
    "payments_end_to_end",
    "feed",
)
TIMEOUT_S = 900


def main() -> int:
    """Run the named benchmarks one after the other; return 1 when one of them failed."""
    names = sys.argv[1:] or list(NAMES)
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    failed = 0
    for name in names:
        print(f"== {name}", file=sys.stderr, flush=True)
        run = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"], check=False, timeout=TIMEOUT_S
        )
        failed |= run.returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
