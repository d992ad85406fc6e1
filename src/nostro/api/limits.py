"""How much may one caller send?

A token bucket for each caller, kept as one number: the time until which what it sent is paid for
(the generic cell rate algorithm). A bucket that is full again is forgotten. It bounds what one
caller takes from the others; it is no protection of the network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from nostro.api.auth import Caller
from nostro.api.problems import ProblemRaised

BUCKETS_MAX = 50_000
"""Callers remembered; when there are more, those whose bucket is full are forgotten."""
_SECOND_NS = 1_000_000_000

Quota = tuple[tuple[bytes, bytes], tuple[bytes, bytes]]


class Limits:
    """Requests per second and at once that one caller may send; `rate_per_s` 0 bounds nothing.
    The local operator of a development platform is not bounded."""

    def __init__(
        self,
        *,
        rate_per_s: int = 0,
        burst: int = 0,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.rate_per_s = rate_per_s
        self.burst = burst = max(burst, 1)
        self._step_ns = _SECOND_NS // rate_per_s if rate_per_s else 0
        self._span_ns = burst * self._step_ns
        self._now_ns = now_ns
        self._paid_until: dict[str, int] = {}
        window_s = max(1, -(-burst // rate_per_s)) if rate_per_s else 0
        # draft-ietf-httpapi-ratelimit-headers: the quota of a window, in which it comes back.
        self._policy = (b"ratelimit-policy", b'"caller";q=%d;w=%d' % (burst, window_s))

    def take(self, caller: Caller, scope: Mapping[str, Any]) -> Quota | None:
        """Count a request, and return the headers that tell what is left, None without a bound.

        Raises ProblemRaised `request.rate_limited`.
        """
        if not self._step_ns or caller.local:
            return None
        bucket = caller.bucket or f"address:{(scope.get('client') or ('',))[0]}"
        now = self._now_ns()
        paid_until = self._paid_until.get(bucket, 0)
        paid_until = (now if paid_until < now else paid_until) + self._step_ns
        left_ns = self._span_ns - (paid_until - now)
        if left_ns < 0:
            raise ProblemRaised(
                "request.rate_limited",
                facts={"rate_per_s": self.rate_per_s, "burst": self.burst},
                headers=self._told(0, -left_ns),
            )
        if bucket not in self._paid_until and len(self._paid_until) >= BUCKETS_MAX:
            self._forget(now)
        self._paid_until[bucket] = paid_until
        return self._told(left_ns // self._step_ns, paid_until - now)

    def _told(self, left: int, wait_ns: int) -> Quota:
        wait_s = -(-wait_ns // _SECOND_NS)
        return self._policy, (b"ratelimit", b'"caller";r=%d;t=%d' % (left, wait_s))

    def _forget(self, now: int) -> None:
        """Forget full buckets; when all are in use, begin anew rather than grow."""
        kept = {name: until for name, until in self._paid_until.items() if until > now}
        self._paid_until = kept if len(kept) < BUCKETS_MAX else {}
