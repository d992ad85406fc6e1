"""Is a ledger that cannot be read to its end taken for a smaller one?"""

from __future__ import annotations

import httpx
import pytest

from nostro.adapters.domains.canton import reading
from nostro.adapters.domains.canton.reading import Reading
from nostro.runtime.ports import NotDone
from tests.adapters.canton.scripted import Scripted
from tests.adapters.canton.test_submitting import ACTIVE, END, TERMS


async def test_active_contracts_without_end_are_not_taken_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "PAGES_MAX", 3)
    page = {"activeContracts": [], "activeAtOffset": 9, "nextPageToken": "more"}
    script = (
        Scripted()
        .to(END, httpx.Response(200, json={"offset": 9}))
        .to("/v2/parties/participant-id", httpx.Response(200, json={"participantId": "p"}))
        .to(ACTIVE, httpx.Response(200, json=page))
    )
    one = Reading(TERMS, script.client())
    with pytest.raises(NotDone, match="3 pages"):
        await one.opened()
    assert not one.is_open
