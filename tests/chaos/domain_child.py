"""Who keeps a domain while it is being killed? A process with an engine, served over HTTP."""

from __future__ import annotations

import msgspec
import uvloop

from nostro.wiring.domains import DomainOrder, serve_domain
from nostro.wiring.processes import read_order, say_ready

if __name__ == "__main__":
    order = read_order()
    uvloop.run(
        serve_domain(
            msgspec.convert(order["domain"], DomainOrder), on_ready=lambda facts: say_ready(**facts)
        )
    )
