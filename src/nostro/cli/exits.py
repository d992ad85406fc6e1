"""With which status does a command end, and what does it tell whoever has to mend it?

The numbers are stable: scripts may rely on them.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit status of every `nostro` command; 130 follows an interrupt from the keyboard."""

    OK = 0
    CHECK_FAILED = 1  # the command ran, and what it checked is not so
    USAGE = 2  # an argument or a setting is wrong; nothing was done
    UNAVAILABLE = 3  # a backend cannot be reached or started
    HELD = 4  # another process holds the data directory
    SCHEMA = 5  # the schema in the database is not the one of this version
    BUG = 70  # an error that nobody foresaw; the traceback is on stderr


class Failure(Exception):
    """Ends a command: what is wrong, the remedy (may be empty), and the exit status."""

    def __init__(self, what: str, *, remedy: str = "", status: Exit = Exit.CHECK_FAILED) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.status = status


def failure_of(error: Exception) -> Failure | None:
    """Return what an error of the platform means to an operator; None for a bug.

    The types are imported only now: a command that succeeds does not pay for them.
    """
    from nostro.adapters.postgres.faults import (
        ChainForeign,
        DataDirectoryHeld,
        PostgresFault,
        SchemaRefused,
    )
    from nostro.runtime.ports import Outage
    from nostro.wiring.address import AddressUnavailable
    from nostro.wiring.settings import SettingsError

    match error:
        case Failure():
            return error
        case SettingsError():
            remedy = "correct it, or unset it to take the default"
            return Failure(str(error), remedy=remedy, status=Exit.USAGE)
        case DataDirectoryHeld():
            return Failure(error.detail, remedy=error.remedy, status=Exit.HELD)
        case ChainForeign():
            return Failure(error.detail, remedy=error.remedy, status=Exit.USAGE)
        case SchemaRefused():
            return Failure(error.detail, remedy=error.remedy, status=Exit.SCHEMA)
        case PostgresFault():
            return Failure(error.detail, remedy=error.remedy, status=Exit.UNAVAILABLE)
        case AddressUnavailable():
            return Failure(error.detail, remedy=error.remedy, status=Exit.UNAVAILABLE)
        case Outage():
            return Failure(str(error), remedy="`nostro doctor`", status=Exit.UNAVAILABLE)
        case _:
            return None
