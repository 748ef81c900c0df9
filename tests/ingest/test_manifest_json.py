"""Manifests in JSON, JSON lines and Parquet, and what yt-dlp writes of videos and playlists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signverse.ingest.manifest import Manifest, read_manifest
from signverse.lake.model.errors import BadInputError

TWO = {"abcdefghijk": "ase", "-bcdefghijk": "bfi"}
ROWS = [{"video_id": video_id, "sign_language": code} for video_id, code in TWO.items()]


def written(folder: Path, content: Any, name: str = "list.json") -> Manifest:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    (folder / name).write_text(text, encoding="utf-8")
    return read_manifest(folder / name)


def languages(manifest: Manifest) -> dict[str, str]:
    return {video_id: entry.sign_language for video_id, entry in manifest.entries.items()}


@pytest.mark.parametrize(
    "content",
    [
        ROWS,
        {"videos": ROWS},
        {"version": 2, "data": ROWS},
        {"abcdefghijk": "ase", "-bcdefghijk": "bfi"},
        {"abcdefghijk": {"signed_language": "ase"}, "-bcdefghijk": {"signed_language": "bfi"}},
        {"video_id": list(TWO), "sign_language": list(TWO.values())},
        {"video_id": {"0": "abcdefghijk", "1": "-bcdefghijk"}, "sign_language": {"0": "ase", "1": "bfi"}},
        {"columns": ["video_id", "sign_language"], "index": [0, 1], "data": [[key, code] for key, code in TWO.items()]},
        "".join(f"{json.dumps(row)},\n" for row in ROWS),
        [["video_id", "sign_language"], *([key, code] for key, code in TWO.items())],
        [[key, code] for key, code in TWO.items()],
        [
            {"url": f"https://youtu.be/{key}", "Signed Language": code, "spoken_language": "en"}
            for key, code in TWO.items()
        ],
        [
            {"sign_language": "ase", "instances": [{"video_id": "abcdefghijk"}]},
            {"sign_language": "bfi", "instances": [{"video_id": "-bcdefghijk"}]},
        ],
        "\n".join(map(json.dumps, ROWS)),
        "\ufeff" + "\r\n".join(map(json.dumps, ROWS)) + "\r\n\r\n",
        json.dumps(ROWS, indent=2),
    ],
)
def test_the_shapes_of_json_that_people_have(tmp_path: Path, content: Any) -> None:
    manifest = written(tmp_path, content)
    assert languages(manifest) == TWO
    assert manifest.refused == []


def test_an_id_that_is_there_twice_is_said(tmp_path: Path) -> None:
    manifest = written(tmp_path, '{"abcdefghijk": "ase", "-bcdefghijk": "bfi", "abcdefghijk": "gsg"}')
    assert languages(manifest) == TWO
    assert "1 key twice in an object, the first is used: abcdefghijk" in manifest.remarks[0]


def test_ids_alone_come_in_as_und(tmp_path: Path) -> None:
    assert list(written(tmp_path, ["abcdefghijk", "https://youtu.be/-bcdefghijk"]).entries) == list(TWO)
    assert list(written(tmp_path, [123, "00123"]).entries) == ["123", "00123"]


def entry(video_id: str, **more: Any) -> dict[str, Any]:
    """An entry of `yt-dlp --flat-playlist`."""
    url = f"https://www.youtube.com/watch?v={video_id}"
    about = {"_type": "url", "ie_key": "Youtube", "id": video_id, "url": url, "title": f"About {video_id}"}
    return {**about, "channel": "Deaf TV", "channel_id": "UC1", "duration": 61.0, "thumbnails": [{"url": "x"}], **more}


def test_a_playlist_of_yt_dlps_has_its_entries_and_not_itself(tmp_path: Path) -> None:
    tabs = [{"_type": "playlist", "id": "UC1", "title": "Videos", "entries": [entry("abcdefghijk"), None]}]
    playlist = {"_type": "playlist", "id": "PL1", "extractor": "youtube:tab", "channel": "Deaf TV"}
    manifest = written(tmp_path, {**playlist, "entries": [*tabs, entry("-bcdefghijk")]})
    assert list(manifest.entries) == list(TWO)
    first = manifest.entries["abcdefghijk"]
    assert (first.title, first.channel, first.channel_id) == ("About abcdefghijk", "Deaf TV", "UC1")
    assert first.url == "https://www.youtube.com/watch?v=abcdefghijk"
    ((_, why),) = manifest.refused
    assert "null, which yt-dlp writes for a video that it could not read" in why


def test_json_lines_of_a_flat_playlist_name_the_line_of_what_is_not_a_video(tmp_path: Path) -> None:
    other = {"_type": "url", "ie_key": "YoutubeTab", "url": "https://www.youtube.com/playlist?list=PL9", "title": "x"}
    lines = [json.dumps(entry("abcdefghijk")), "", json.dumps(other), "{broken", json.dumps(entry("-bcdefghijk"))]
    manifest = written(tmp_path, "\n".join(lines), "list.jsonl")
    assert list(manifest.entries) == list(TWO)
    assert "JSON lines in UTF-8" in manifest.summary
    assert "2 videos of 4 rows, 2 refused, 1 blank line" in manifest.summary
    reasons = [why for _, why in manifest.refused]
    assert any("line 4: not JSON" in why for why in reasons)
    assert any("line 3: youtube.com/playlist is a channel or a playlist" in why for why in reasons)


def test_the_language_of_an_info_json_is_that_of_the_sound(tmp_path: Path) -> None:
    info = {
        "id": "abcdefghijk",
        "title": "T",
        "language": "en",
        "url": "https://rr1.googlevideo.com/videoplayback?id=o-AB",
        "webpage_url": "https://www.youtube.com/watch?v=abcdefghijk",
        "extractor": "youtube",
        "uploader": "Deaf TV",
        "uploader_id": "@deaftv",
        "formats": [{"format_id": "18", "url": "https://x"}],
        "automatic_captions": {"en": [{"ext": "vtt"}]},
    }
    manifest = written(tmp_path, info, "abcdefghijk.info.json")
    first = manifest.entries["abcdefghijk"]
    assert (first.sign_language, first.url, first.channel) == ("und", info["webpage_url"], "Deaf TV")
    assert "columns not used: language of the sound" in manifest.summary
    assert "no column tells the sign language" in manifest.remarks[-1]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[1,2",
        "[]",
        "{}",
        "[null]x",
        '{"a": {"b": [[[[1]]]]}}',
        "[" * 5000,
        '[{"title": "A"}]',
        '{"title": 5',
        "[1e999]",
    ],
)
def test_what_is_no_manifest_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    try:
        manifest = written(tmp_path, content)
    except BadInputError as error:
        assert "list.json" in str(error)
        assert "\n" not in str(error)
        assert len(str(error)) < 400
    else:
        assert manifest.entries == {} or content == "[1e999]"


keys = st.sampled_from(["video_id", "url", "language", "entries", "id", "x", "abcdefghijk"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["abcdefghijk", "ase", "a/b", ""]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["video_id", "url", "language", "entries", "id", "x", "abcdefghijk"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(json_values)
def test_any_json_is_read_or_refused(tmp_path: Path, value: Any) -> None:
    try:
        written(tmp_path, value)
    except BadInputError as error:
        assert "\n" not in str(error)


given_ids = st.sampled_from(["abcdefghijk", "x", "a/b", "", None, 7])
records = st.lists(
    st.none()
    | st.fixed_dictionaries(
        {"video_id": st.sampled_from(["abcdefghijk", "x", "a/b", "", None, 7])}, optional={"lang": st.just("ase")}
    ),
    min_size=1,
    max_size=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records)
def test_records_taken_and_refused_and_repeated_are_the_records_of_the_file(tmp_path: Path, rows: list[Any]) -> None:
    if not any(rows):
        return
    for content, name in ((json.dumps(rows), "list.json"), ("\n".join(map(json.dumps, rows)), "list.jsonl")):
        manifest = written(tmp_path, content, name)
        assert len(manifest.entries) + manifest.repeated + len(manifest.refused) == len(rows)


def test_parquet_as_people_save_it(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "id": list(TWO),
            "sign_language": list(TWO.values()),
            "views": [1, 2],
            "tags": [["a"], []],
            "jpg": [b"\xff", b""],
        }
    )
    frame.write_parquet(tmp_path / "list.parquet")
    manifest = read_manifest(tmp_path / "list.parquet")
    assert languages(manifest) == TWO
    assert "(Parquet): 2 videos of 2 rows; columns not used: views, tags, jpg" in manifest.summary
    pl.DataFrame({"id": [7, None], "language": ["ase", "x"]}).write_parquet(tmp_path / "list.parquet")
    manifest = read_manifest(tmp_path / "list.parquet")
    assert languages(manifest) == {"7": "ase"}
    assert "row 2: " in manifest.refused[0][1]


def test_broken_parquet_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "list.parquet").write_bytes(b"PAR1" + bytes(100))
    with pytest.raises(BadInputError, match="is not Parquet that can be read") as refused:
        read_manifest(tmp_path / "list.parquet")
    assert "\n" not in str(refused.value)


def test_nan_is_no_id_and_no_language(tmp_path: Path) -> None:
    lines = '{"id": NaN, "sign_language": "ase"}\n{"id": "abcdefghijk", "sign_language": NaN}\n'
    manifest = written(tmp_path, lines, "list.jsonl")
    assert languages(manifest) == {"abcdefghijk": "und"}
    assert len(manifest.refused) == 1


def test_integers_some_of_which_are_missing_are_ids_without_a_fraction(tmp_path: Path) -> None:
    """Pandas holds them as floats."""
    pl.DataFrame({"video_id": [1.0, None, 20.0], "sign_language": ["ase"] * 3}).write_parquet(tmp_path / "m.parquet")
    manifest = read_manifest(tmp_path / "m.parquet")
    assert list(manifest.entries) == ["1", "20"]
    assert len(manifest.refused) == 1
