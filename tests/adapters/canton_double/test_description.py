"""Is the double, as far as it goes, what Canton's published description says?

The other tests of this directory compare every answer with the description as they go; here it is
asked what they cannot have asked. The description itself stands outside this repository.
"""

from __future__ import annotations

import msgspec
import pytest

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.canton_double import CantonDouble
from nostro.adapters.domains.canton_double.app import VERSION
from tests.adapters.canton_double import openapi
from tests.adapters.canton_double.participant import World

SERVED = {
    (method, path)
    for method, path in CantonDouble(clock=SystemClock()).app.routes
    if not path.startswith("/double/")
}


@openapi.needs_description
def test_every_operation_that_is_served_is_described() -> None:
    paths = openapi.document()["paths"]
    for method, path in SERVED:
        assert method.lower() in paths.get(path, {}), (method, path)


@openapi.needs_description
def test_the_version_is_the_one_that_is_described() -> None:
    assert openapi.document()["info"]["version"] == VERSION


@openapi.needs_description
def test_the_examples_that_came_with_the_description_fit_it() -> None:
    path = openapi.described()
    assert path is not None
    examples = path.with_name("canton-examples.json")
    if not examples.is_file():
        pytest.skip("no examples beside the description")
    for each in msgspec.json.decode(examples.read_bytes())["examples"]:
        openapi.check(openapi.reference(each["schema"]), each["body"])


@openapi.needs_description
def test_examples_of_requests_can_be_read() -> None:
    """They name contracts, parties and templates that are not there: whatever the double says, it
    has understood them."""
    path = openapi.described()
    assert path is not None
    examples = path.with_name("canton-examples.json")
    if not examples.is_file():
        pytest.skip("no examples beside the description")
    world = World()

    async def story() -> None:
        read = 0
        for each in msgspec.json.decode(examples.read_bytes())["examples"]:
            if each["kind"].startswith("request") and ("POST", each["path"]) in SERVED:
                answer = await world.post(each["path"], each["body"])
                assert not answer.text.startswith("Invalid value for"), (each["path"], answer.text)
                read += 1
        assert read >= 8

    world.run(story())


def test_what_is_compared_with_the_description_is_refused_where_it_differs() -> None:
    if openapi.described() is None:
        pytest.skip(openapi.ABSENT)
    openapi.check(openapi.reference("GetLedgerEndResponse"), {"offset": 1})
    for wrong in ({"offset": "1"}, {"offset": 1, "colour": "red"}):
        with pytest.raises(AssertionError):
            openapi.check(openapi.reference("GetLedgerEndResponse"), wrong)
