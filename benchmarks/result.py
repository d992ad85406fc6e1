"""What does a benchmark report, and where is it kept?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def report(
    *,
    name: str,
    value: float,
    unit: str,
    target: float,
    baseline: str,
    ratio: float,
    bound_by: str,
    details: dict[str, Any],
) -> None:
    """Print the details, then the result as the last line, and keep both in results/NAME.json.

    `ratio` is value over the baseline measured in the same run (for times: baseline over value).
    """
    for key, detail in details.items():
        print(f"{key}: {detail}")
    line = {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "target": target,
        "baseline": baseline,
        "ratio": round(ratio, 2),
        "bound_by": bound_by,
    }
    kept = {**line, "details": details}
    (RESULTS / f"{name}.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(line), flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
