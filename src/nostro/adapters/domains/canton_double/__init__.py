"""A double of a Canton participant: the JSON Ledger API of Canton 3.5 with contracts, parties,
synchronizers and offsets of its own, and our Daml templates told in Python.

For tests, simulation, demonstrations and benchmarks; it is no Canton.
"""

from nostro.adapters.domains.canton_double.double import (
    PACKAGE_NAME,
    CantonDouble,
    DoubleTerms,
    DoubleTransport,
)
from nostro.adapters.domains.canton_double.faults import (
    FAIR,
    HARSH,
    MILD,
    NO_FAULTS,
    Faults,
    Weather,
)

__all__ = [
    "FAIR",
    "HARSH",
    "MILD",
    "NO_FAULTS",
    "PACKAGE_NAME",
    "CantonDouble",
    "DoubleTerms",
    "DoubleTransport",
    "Faults",
    "Weather",
]
