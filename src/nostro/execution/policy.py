"""How often is a movement tried, after which pauses, and when is a rail left alone?"""

from __future__ import annotations

import hashlib

import msgspec

PPM = 1_000_000
SECOND_US = 1_000_000


class ExecutionPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of the attempts at one instruction, over all its routes together.

    `backoff_s[n]` is the pause before attempt n + 1; the last one holds for all further attempts.
    `retries_max`: attempts after the first. Their standards are those of the requirement (0, 5, 15,
    31 s, at most 3 retries). `jitter_ppm`: a pause grows by up to this share, so that what failed
    together does not come back together. A circuit opens after `circuit_failures` failures in a
    row on one rail and region, for `circuit_open_s`.
    """

    backoff_s: tuple[int, ...] = (0, 5, 15, 31)
    retries_max: int = 3
    jitter_ppm: int = 200_000
    circuit_failures: int = 5
    circuit_open_s: int = 30

    def __post_init__(self) -> None:
        sound = self.backoff_s and min(self.backoff_s) >= 0 and self.retries_max >= 0
        if not sound or not 0 <= self.jitter_ppm <= PPM:
            raise ValueError(f"not a policy: {self}")
        if self.circuit_failures < 1 or self.circuit_open_s < 1:
            raise ValueError(f"not a circuit breaker: {self}")

    @property
    def attempts_max(self) -> int:
        """Return how often an instruction is sent at most."""
        return self.retries_max + 1

    def next_attempt_at_us(self, *, instruction_id: str, attempts: int, now_us: int) -> int:
        """Return when the attempt after so many may start. The jitter is a hash of instruction and
        attempt: no chance, and another one for each. Rounded down to a microsecond."""
        pause_s = self.backoff_s[min(attempts, len(self.backoff_s) - 1)]
        pause_us = pause_s * SECOND_US
        name = f"{instruction_id}/{attempts}".encode("utf-8", "surrogatepass")
        drawn = int.from_bytes(hashlib.sha256(name).digest()[:8], "big") % (self.jitter_ppm + 1)
        return now_us + pause_us + pause_us * drawn // PPM

    @property
    def circuit_open_us(self) -> int:
        """Return for how long an open circuit lets nothing through."""
        return self.circuit_open_s * SECOND_US
