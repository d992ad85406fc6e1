"""How is a name written so that two spellings of it are the same text?

Letters without accents, in lower case; marks between words are spaces; forms of company are left
out where something else is left.
"""

from __future__ import annotations

import re
import unicodedata

NAME_MAX = 200
"""Characters of a name that are compared; a door lets 140 pass."""
_MARKS = re.compile(r"[^a-z0-9]+")
_NOT_IN_A_WORD = str.maketrans("", "", "'`’‘ʼ.")
_LETTERS = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "ø": "o",
        "œ": "oe",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ı": "i",
    }
)
"""Letters that Unicode does not take apart."""
_FORMS_WRITTEN = """
    ab ag as asa bv co company corp corporation gmbh inc incorporated kg limited llc llp ltd nv oao
    ojsc oy oyj ooo pao pjsc plc pte pty sa sarl sas spa srl the zao ао зао оао ооо пао
"""
FORMS = frozenset(_FORMS_WRITTEN.split())


def normalised(name: str) -> str:
    """Return a name as it is compared; "" when nothing of it is left. Other alphabets stay as they
    are, letter by letter."""
    text = unicodedata.normalize("NFKD", name[:NAME_MAX].casefold()).translate(_LETTERS)
    text = "".join(each for each in text if not unicodedata.combining(each))
    text = text.translate(_NOT_IN_A_WORD)
    if text.isascii():
        words = _MARKS.sub(" ", text).split()
    else:
        words = "".join(each if each.isalnum() else " " for each in text).split()
    telling = [word for word in words if word not in FORMS]
    return " ".join(telling or words)
