"""Which videos a run is about: slices are disjoint, complete and the same on every machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.acquire.worklist import in_slice, read_slice
from signverse.lake.model.errors import BadInputError


@pytest.mark.parametrize(("text", "share"), [("1/1", (1, 1)), ("3/16", (3, 16)), ("016/16", (16, 16))])
def test_a_share_is_written_as_a_fraction(text: str, share: tuple[int, int]) -> None:
    assert read_slice(text) == share


@pytest.mark.parametrize(
    "text",
    [
        *("", "3", "3/", "/16", "0/4", "5/4", "1/0", "0/0", "-1/4", "1.5/4", "3 of 16", "1/2/3"),
        *("\u0663/\u0664", "1/99999999999"),
    ],
)
def test_what_is_no_share_is_refused_with_one_that_is(text: str) -> None:
    with pytest.raises(BadInputError, match="--slice") as refused:
        read_slice(text)
    assert "0/0" not in refused.value.hint
    assert "3/16" in refused.value.hint or "1/4 to 4/4" in refused.value.hint


ids = st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12), unique=True)


@given(ids, st.integers(1, 20))
def test_the_shares_are_disjoint_and_together_everything_in_order(ids: list[str], count: int) -> None:
    shares = [in_slice(ids, number, count) for number in range(1, count + 1)]
    assert sorted(video_id for share in shares for video_id in share) == sorted(ids)
    assert all(share == [video_id for video_id in ids if video_id in set(share)] for share in shares)
    # A longer manifest, or one in another order, moves nobody to another share.
    for number, share in enumerate(shares, 1):
        more = in_slice([*reversed(ids), "one more"], number, count)
        assert set(more) - {"one more"} == set(share) - {"one more"}


def test_the_shares_of_a_manifest_are_about_of_one_size_and_the_same_for_ever() -> None:
    ids = [f"video-{i}" for i in range(16_000)]
    sizes = [len(in_slice(ids, number, 16)) for number in range(1, 17)]
    assert min(sizes) > 850
    assert max(sizes) < 1150
    # Machines with other versions of this package share the work.
    assert in_slice(["dQw4w9WgXcQ", "-dash", "a", "b", "c", "d", "e"], 2, 3) == ["a", "b"]
