"""Which children that are not ours does a parent meet? (A module to run, with its name.)"""

from __future__ import annotations

import sys
import time

from nostro.wiring.processes import read_order, say_ready

if __name__ == "__main__":
    order = read_order()
    match sys.argv[1]:
        case "babbler":
            sys.stdout.write("not the line that was agreed\n")
            sys.stdout.flush()
            time.sleep(60)  # sleeps: until it is ended
        case "mayfly":
            say_ready(name="mayfly")
        case "talker":
            say_ready(name="talker")
            for _ in range(order["lines"]):
                sys.stdout.write("x" * 1_000 + "\n")
            sys.stdout.flush()
