"""What a site says of a video has a bound, and what is cut is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.acquire.download import worker
from signverse.ingest.acquire.media_folder import KEPT_INFO, MAX_TEXT, MAX_URL, kept_info, shortened_info
from signverse.lake.lake import Lake
from signverse.lake.storage.integrity.foreign_errors import collect
from tests.ingest.acquire.conftest import Place, clip
from tests.site.server import Captions

LONG = 2_000_000


def test_a_title_of_megabytes_is_cut_and_said(place: Place) -> None:
    place.site.add(clip("long", title="T" * LONG, channel="C" * LONG, channel_id="\u202e" * LONG))
    assert place.download(place.manifest("long"))[0] == 0
    info = (place.media / "long.info.json").read_text("utf-8")
    assert len(info) < 4000
    assert json.loads(info)["title"] == "T" * MAX_TEXT
    (source,) = collect(Lake.open(place.lake).table("sources")).iter_rows(named=True)
    assert source["title"] == "T" * MAX_TEXT
    assert len(source["channel"]) == MAX_TEXT
    rows = collect(Lake.open(place.lake).raw_table("outcomes")).iter_rows(named=True)
    (row,) = [row for row in rows if row["stage"] == "download"]
    assert (row["outcome"], row["reason"]) == ("done", "text_shortened")
    assert "title: 1,000 of 2,000,000 characters kept" in row["message"]
    assert max(len(str(value)) for value in row.values()) < 1000


@given(
    st.dictionaries(
        st.sampled_from([*KEPT_INFO, "description", "tags", "comments"]),
        st.one_of(
            st.text(max_size=40).map(lambda text: text * 500),
            st.integers(),
            st.just(10**5000),
            st.floats(),
            st.none(),
            st.lists(st.text()),
        ),
    )
)
def test_whatever_a_site_says_little_is_kept_and_it_can_be_stored(info: dict[str, Any]) -> None:
    kept = kept_info(info)
    assert set(kept) <= set(KEPT_INFO)
    assert len(json.dumps(kept, allow_nan=False)) < 12 * (len(KEPT_INFO) * MAX_TEXT + MAX_URL)
    assert all(value.isprintable() for value in kept.values() if isinstance(value, str))
    assert kept_info(kept) == kept
    assert shortened_info(kept) == []


def test_more_tracks_than_a_video_has_are_not_taken(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MAX_TRACKS", 3)
    found = _attempt(place, *(Captions(f"l{number}") for number in range(7)))
    assert len(found.media.captions) == 3
    assert "4 of 7 tracks left out, 3 are taken" in found.captions.message


def test_the_name_of_a_track_does_not_become_a_file_name_that_no_disk_takes(place: Place) -> None:
    found = _attempt(place, Captions("k" * 3000), Captions("en"))
    assert found.outcome.kind == "done"
    assert max(len(path.name) for path in found.media.captions) < 100


def _attempt(place: Place, *tracks: Captions) -> Any:
    from signverse.ingest.acquire.download.settings import Settings
    from signverse.ingest.acquire.media_folder import MediaFolder

    place.site.add(clip("many", *tracks))
    media: Path = MediaFolder.create(place.media).folder
    job = worker.make_job(media, Settings(proxy="", sleep=(0, 0), backoff_s=0.01))
    return job(worker.DownloadTask("many", place.site.page_url("many")), lambda _: None)
