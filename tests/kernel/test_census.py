"""Does a census find an id that was used twice, and where an id was used?"""

from __future__ import annotations

from hypothesis import given, strategies as st

from nostro.kernel.census import Census


@given(st.lists(st.text(max_size=3), max_size=40))
def test_an_id_used_twice_is_found_with_both_heights(ids: list[str]) -> None:
    census, first_use, expected = Census(), dict[str, int](), None
    for height, key in enumerate(ids, start=1):
        census.add(key, height)
        if key in first_use and expected is None:
            expected = (first_use[key], height)
        first_use[key] = height
    assert census.twice() == expected
    assert len(census) == len(ids)


def test_heights_are_told_of_the_ids_that_were_counted() -> None:
    census = Census()
    for number in range(1_000):
        census.add(f"t{number}", number + 7)
    assert census.heights_of(["t0", "t999", "unheard-of"]) == {"t0": 7, "t999": 1_006}
    assert census.heights_of([]) == {}
