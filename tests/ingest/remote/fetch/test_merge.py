"""Near ranges are one request, and little is read along."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.remote.fetch.plan import merge

SIZE = 20_000
RANGES = st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, 3000)), max_size=12).map(
    lambda found: [(start, min(size, SIZE - start)) for start, size in found]
)


@given(RANGES, st.integers(0, 100_000), st.floats(0, 1))
def test_what_is_read_along_stays_a_small_share(ranges: list[tuple[int, int]], gap: int, waste: float) -> None:
    """Of sorted ranges a byte is read once, and what is not wanted is at most the share, and 4 kB a range."""
    ranges = sorted(set(ranges))
    groups = list(merge(ranges, gap=gap, waste=waste))
    assert [one for group in groups for one in group] == ranges
    read = sum(max(start + size for start, size in group) - group[0][0] for group in groups)
    wanted = sum(size for _, size in ranges)
    assert read <= wanted * (1 + waste) + 4096 * len(ranges)


def test_members_side_by_side_are_one_request_and_distant_ones_are_not() -> None:
    video = [(512, 3_000_000), (3_001_024, 10_000), (3_012_096, 9_000)]
    far = [(start + 40_000_000, size) for start, size in video]
    assert list(merge(video + far, gap=1_000_000)) == [video, far]
