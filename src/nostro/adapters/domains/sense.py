"""Can what a domain answers stand in a journal row, and in the views?

What is told of a domain is told for ever: text with a NUL, or a number beyond 64 bits, would be
durable and stop whoever reads the journal into tables. A domain that answers so, for whatever
reason, is asked again.
"""

from __future__ import annotations

from collections.abc import Sequence

from nostro.adapters.domains.port import DomainHead, Executed, Held, HoldAnswer, Refused, Released
from nostro.kernel.money import AMOUNT_MINOR_MAX
from nostro.kernel.movement import Lacking

TEXT_MAX = 512
"""Characters of a reference or of the id of a contract; Canton's have some 140."""
CODE_MAX = 64
LACKING_MAX = 1_000
"""As many as a round has locks."""
HEIGHT_MAX = 2**63 - 1
_HEIGHT_DIGITS = 19


def nonsense(answer: HoldAnswer) -> str:
    """Return what cannot be told of an answer; "" when all of it can."""
    match answer:
        case (
            Held(reference=reference, contract_id=contract_id)
            | Executed(reference=reference, contract_id=contract_id)
        ):
            texts = (reference, contract_id)
            return "" if all(map(_is_plain, texts)) else "a name is no line of text"
        case Released(reference=reference):
            return "" if _is_plain(reference) else "a name is no line of text"
        case Refused(code=code, lacking=lacking):
            if not (code and _is_plain(code) and len(code) <= CODE_MAX):
                return "a code is no word"
            return "" if _is_sound(lacking) else "what is lacking is nothing that can be"
    return ""


def height_of(reference: str, domain: str) -> int:
    """Return up to where a domain is durable, when a reference says so: domains of ours name what
    they did by `<domain>:<height>`."""
    name, _, height = reference.rpartition(":")
    if name != domain or not height.isdecimal() or len(height) > _HEIGHT_DIGITS:
        return 0
    return min(int(height), HEIGHT_MAX)


def check_head(head: DomainHead) -> None:
    """Raise ValueError when a domain says to be where none can be."""
    if not 0 <= head.height <= HEIGHT_MAX:
        raise ValueError(f"it says to be at height {str(head.height)[:32]}")


def _is_sound(lacking: Sequence[Lacking]) -> bool:
    return len(lacking) <= LACKING_MAX and all(
        _is_plain(each.party)
        and _is_plain(each.asset)
        and abs(each.available_minor) <= AMOUNT_MINOR_MAX
        for each in lacking
    )


def _is_plain(text: str) -> bool:
    return len(text) <= TEXT_MAX and text.isascii() and (text.isprintable() or not text)
