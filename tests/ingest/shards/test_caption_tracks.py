"""Caption tracks that come with shards: those in the tars, and those of the subtitles tar."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.shards.caption_tracks import CaptionIndex, index_captions, tracks_of
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from tests.ingest.shards.dialect_files import pack


def poses(frames: int = 240) -> bytes:
    """Ten seconds of one person."""
    payloads = np.empty(frames, object)
    for f in range(frames):
        payloads[f] = {
            "num_persons": np.array(1, np.int32),
            "frame_width": np.array(64, np.int32),
            "frame_height": np.array(48, np.int32),
        }
        for part, size in (("body", 18), ("face", 68), ("left_hand", 21), ("right_hand", 21)):
            payloads[f][f"person_000_{part}_keypoints"] = np.full((size, 2), 0.5, np.float32)
            payloads[f][f"person_000_{part}_scores"] = np.full(size, 0.5, np.float32)
    buffer = io.BytesIO()
    np.savez(buffer, fps=np.int32(24), frame_indices=np.arange(1, frames + 1), frame_payloads=payloads)
    return buffer.getvalue()


POSES = poses()


def stamp(seconds: float) -> str:
    return f"00:00:{seconds:06.3f}"


def vtt(*cues: tuple[float, float, str], head: str = "WEBVTT") -> bytes:
    lines = "".join(f"{stamp(start)} --> {stamp(end)}\n{text}\n\n" for start, end, text in cues)
    return f"{head}\n\n{lines}".encode()


def video(video_id: str, **captions: bytes) -> dict[str, bytes]:
    """A published video with captions by their tags; __ stands for -."""
    named = {f"{video_id}/captions/{video_id}.{tag.replace('__', '-')}.vtt": text for tag, text in captions.items()}
    return {f"{video_id}/npz/poses.npz": POSES, f"{video_id}/npz/.complete": b"{}", **named}


@pytest.fixture
def brought_in(tmp_path: Path, signverse: Callable[..., Any]) -> Callable[..., Lake]:
    """Imports videos, with a subtitles tar where one is given."""

    def bring(members: dict[str, bytes], subtitles: dict[str, bytes] | None = None, fails: int = 0) -> Lake:
        path = pack(tmp_path / "Sign_DWPose_NPZ_000001.tar", members)
        options: list[object] = []
        if subtitles:
            options = ["--subtitles", pack(tmp_path / "signverse_subtitles_with_english.tar", subtitles)]
        code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake", *options)
        assert sum(": failed: " in line for line in err.splitlines()) == fails, err
        assert code == bool(fails)
        return Lake.open(tmp_path / "lake")

    return bring


def segments(lake: Lake, video_id: str = "x") -> list[tuple[str, str, str]]:
    rows = lake.table("segments").filter(pl.col("video_id") == video_id).sort("ordinal").collect()
    return rows.select("text", "caption_kind", "english_source").rows()


def tracks(lake: Lake, video_id: str = "x") -> dict[str, list[str]]:
    rows = lake.table("captions").filter(pl.col("video_id") == video_id).sort("track", "ordinal").collect()
    return {name[0]: group["text"].to_list() for name, group in rows.group_by("track", maintain_order=True)}


# Inside a shard

# As YouTube writes them: each cue shows the line before again, words have times, and short cues hold a line still.
ROLLING = (
    b"WEBVTT\nKind: captions\nLanguage: en\n\n"
    b"00:00:00.000 --> 00:00:02.000 align:start position:0%\n \nhello<00:00:00.500><c> there</c>\n\n"
    b"00:00:02.000 --> 00:00:02.010 align:start position:0%\nhello there\n \n\n"
    b"00:00:02.010 --> 00:00:04.000 align:start position:0%\nhello there\nmy<00:00:02.500><c> friends</c>\n\n"
    b"00:00:04.000 --> 00:00:04.010 align:start position:0%\nmy friends\n \n\n"
    b"00:00:04.010 --> 00:00:06.000 align:start position:0%\nmy friends\ngoodbye\n\n"
)


def test_a_track_that_a_person_wrote_becomes_the_segments(brought_in: Callable[..., Lake]) -> None:
    lake = brought_in(video("x", en=vtt((0, 1, "one"), (1, 2, "two"))))
    assert segments(lake) == [("one", "manual", "native"), ("two", "manual", "native")]
    assert tracks(lake) == {"en.manual": ["one", "two"]}


@pytest.mark.parametrize("tag", ["en", "en__orig"])
def test_captions_that_roll_up_say_every_line_once(brought_in: Callable[..., Lake], tag: str) -> None:
    lake = brought_in(video("x", **{tag: ROLLING}))
    said = [("hello there", "automatic", "native"), ("my friends", "automatic", "native")]
    assert segments(lake) == [*said, ("goodbye", "automatic", "native")]
    assert lake.video("x")["document_text"] == "hello there my friends goodbye"
    starts = lake.table("segments").sort("ordinal").collect()["start_s"].to_list()
    assert starts == sorted(starts)
    assert tracks(lake) == {"en.automatic": ["hello there", "my friends", "goodbye"]}


def test_what_a_person_wrote_goes_before_what_a_machine_heard_and_both_are_kept(
    brought_in: Callable[..., Lake],
) -> None:
    lake = brought_in(video("x", en=vtt((0, 1, "by hand")), en__orig=ROLLING, de=vtt((0, 1, "von Hand"))))
    assert segments(lake) == [("by hand", "manual", "native")]
    assert tracks(lake).keys() == {"en.manual", "en.automatic", "de.manual"}


def test_any_script_in_any_direction_is_kept_as_it_is(brought_in: Callable[..., Lake]) -> None:
    texts = {
        "ar": "مرحبا بالعالم",
        "he": "שלום עולם",
        "ja": "こんにちは世界",
        "hi": "नमस्ते दुनिया",
        "zh__Hant__TW": "你好,世界",
        "ko": "안녕하세요",
    }
    members: dict[str, bytes] = {}
    for number, (tag, text) in enumerate(texts.items()):
        # Marks of direction are for players; a search would trip over them.
        members |= video(f"x{number}", **{tag: vtt((0, 1, f"\u200f{text}\u200e"))})
    lake = brought_in(members)
    captions = lake.raw_table("captions").collect()
    for number, (tag, text) in enumerate(texts.items()):
        assert segments(lake, f"x{number}") == [(text, "manual", "none")]
        (language,) = captions.filter(pl.col("video_id") == f"x{number}")["language"].unique()
        assert language == tag.replace("__", "-")


BAD = {
    "bytes": b"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n\x8d\x81\n",
    "page": b"<!DOCTYPE html><title>429</title>",
    "empty": b"",
    "times": b"WEBVTT\n\nsoon --> later\nhello\n",
}


def test_captions_that_are_none_are_left_out_and_named_and_their_videos_come_in(
    tmp_path: Path, signverse: Callable[..., Any]
) -> None:
    members = video("a", en=vtt((0, 1, "one")))
    for name, text in BAD.items():
        members |= video(name, en=text)
    path = pack(tmp_path / "a.tar", members | video("z"))
    code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake")
    lines = [line for line in err.splitlines() if ": skipped: " in line]
    assert (code, [line.split(": skipped: ")[0] for line in lines]) == (0, list(BAD))
    for line, name in zip(lines, BAD, strict=True):
        assert f"{name}/captions/{name}.en.vtt" in line
    lake = Lake.open(tmp_path / "lake")
    assert lake.snapshot.visible()["video_id"].to_list() == sorted(["a", "z", *BAD])
    assert segments(lake, "z") == segments(lake, "times") == [(None, "none", "none")]
    told = lake.raw_table("outcomes").collect()
    assert set(told.filter(told["reason"] == "bad_captions")["video_id"]) == set(BAD)


def test_files_beside_the_tracks_are_no_tracks(brought_in: Callable[..., Lake]) -> None:
    members = video("x", en=vtt((0, 1, "one")))
    lake = brought_in(members | {"x/captions/x.vtt.bak": b"no", "x/captions/readme.txt": b"no", "x/x.de.vtt": b"no"})
    assert tracks(lake) == {"en.manual": ["one"]}


# The subtitles tar

NATIVE, NLLB = vtt((0, 1, "by a person")), vtt((0, 1, "by a machine"))
ORIGINAL = vtt((0, 1, "von Hand"))


@pytest.mark.parametrize("folder", ["x", "./x", "subtitles/x", "a/b/x"])
def test_native_english_of_the_subtitles_tar_becomes_the_segments(brought_in: Callable[..., Lake], folder: str) -> None:
    subtitles = {
        f"{folder}/english.en.nllb.vtt": NLLB,
        f"{folder}/english.en.native.vtt": NATIVE,
        f"{folder}/original.de.manual.vtt": ORIGINAL,
        f"{folder}/english.fr.native.vtt": b"of no known name, not read",
    }
    lake = brought_in(video("x") | video("y"), subtitles)
    assert segments(lake) == [("by a person", "manual", "native")]
    assert tracks(lake) == {
        "en.manual": ["by a person"], "en.translated": ["by a machine"], "de.manual": ["von Hand"]
    }  # fmt: skip
    assert segments(lake, "y") == [(None, "none", "none")]
    row = lake.video("x")
    assert (row["english_source"], row["text_language"]) == ("native", "en")


def test_a_machines_translation_says_what_it_was_translated_from(brought_in: Callable[..., Lake]) -> None:
    lake = brought_in(video("x"), {"x/english.en.nllb.vtt": NLLB, "x/original.pt-BR.manual.vtt": ORIGINAL})
    assert segments(lake) == [("by a machine", "translated", "translated_from:pt-BR")]
    assert lake.video("x")["english_source"] == "translated_from:pt-BR"


@pytest.mark.parametrize("beside", [{}, {"x/original.fr.manual.vtt": ORIGINAL}])
def test_the_name_that_yt_dlp_gives_a_translation_is_understood_in_tars_too(
    brought_in: Callable[..., Lake], beside: dict[str, bytes]
) -> None:
    lake = brought_in(video("x"), {"x/original.en-de.manual.vtt": NLLB, **beside})
    assert segments(lake) == [("by a machine", "translated", "translated_from:de")]
    lake = brought_in(video("y", **{"en-de": NLLB}))
    assert segments(lake, "y") == [("by a machine", "translated", "translated_from:de")]


def test_a_machines_translation_of_nothing_that_came_along_is_from_an_unknown_language(
    brought_in: Callable[..., Lake],
) -> None:
    lake = brought_in(video("x"), {"x/english.en.nllb.vtt": NLLB})
    assert segments(lake) == [("by a machine", "translated", "translated_from:und")]


def test_english_that_a_machine_heard_goes_before_english_that_one_translated(brought_in: Callable[..., Lake]) -> None:
    lake = brought_in(video("x", en__orig=ROLLING), {"x/english.en.nllb.vtt": NLLB})
    assert segments(lake)[0] == ("hello there", "automatic", "native")


def test_without_english_the_original_is_the_text(brought_in: Callable[..., Lake]) -> None:
    lake = brought_in(video("x"), {"x/original.de.manual.vtt": ORIGINAL})
    assert segments(lake) == [("von Hand", "manual", "none")]
    assert lake.video("x")["text_language"] == "de"


def test_a_track_that_is_in_both_places_is_kept_once_and_two_of_a_kind_apart(brought_in: Callable[..., Lake]) -> None:
    lake = brought_in(video("x", en=NATIVE), {"x/english.en.native.vtt": NATIVE})
    assert tracks(lake) == {"en.manual": ["by a person"]}


def test_two_english_tracks_of_people_that_differ_are_both_kept(brought_in: Callable[..., Lake]) -> None:
    lake = brought_in(video("x", en=vtt((0, 1, "another"))), {"x/english.en.native.vtt": NATIVE})
    assert tracks(lake) == {"en.manual": ["another"], "en.manual.2": ["by a person"]}


def test_bad_subtitles_outside_are_left_out(brought_in: Callable[..., Lake]) -> None:
    lake = brought_in(video("x") | video("y"), {"x/english.en.native.vtt": b"no", "y/english.en.native.vtt": NATIVE})
    assert segments(lake, "x") == [(None, "none", "none")]
    assert segments(lake, "y") == [("by a person", "manual", "native")]


def test_a_subtitles_tar_that_lies_among_the_shards_is_no_shard(tmp_path: Path, signverse: Callable[..., Any]) -> None:
    (tmp_path / "shards").mkdir()
    pack(tmp_path / "shards" / "Sign_DWPose_NPZ_000001.tar", video("x"))
    apart = pack(tmp_path / "shards" / "signverse_subtitles_with_english.tar", {"x/english.en.native.vtt": NATIVE})
    code, _, err = signverse(
        "ingest", "shards", tmp_path / "shards", "--lake", tmp_path / "lake", "--subtitles", apart
    )  # fmt: skip
    assert (code, err.splitlines()[0]) == (0, "1 video ingested, 240 frames, from 1 shard")
    assert segments(Lake.open(tmp_path / "lake")) == [("by a person", "manual", "native")]


def test_a_subtitles_tar_that_is_none_is_refused_before_anything_is_made(
    tmp_path: Path, signverse: Callable[..., Any]
) -> None:
    path = pack(tmp_path / "a.tar", video("x"))
    (tmp_path / "s.tar").write_bytes(b"no tar" * 500)
    code, _, err = signverse(
        "ingest", "shards", path, "--lake", tmp_path / "lake", "--subtitles", tmp_path / "s.tar"
    )  # fmt: skip
    assert code == 1
    assert f"{tmp_path}/s.tar" in err
    assert not (tmp_path / "lake").exists()


@settings(max_examples=30, deadline=None)
@given(
    st.binary(max_size=60) | st.text("WEBVT\n0123:.->< aá", max_size=60).map(lambda text: f"WEBVTT\n{text}".encode())
)
def test_whatever_a_track_holds_it_is_read_or_refused_in_a_line(content: bytes) -> None:
    import tempfile

    from signverse.ingest.shards.tar_files import videos_in
    from signverse.ingest.shards.untrusted.tar_reader import Tar

    with tempfile.TemporaryDirectory() as folder:
        path = pack(Path(folder) / "a.tar", {"x/captions/x.en.vtt": content})
        with Tar(path) as tar:
            bad: list[BadInputError] = []
            found = tracks_of(tar, "x", videos_in(tar)[0]["x"], CaptionIndex(), bad.append)
        assert len(found) + len(bad) == 1
        assert all("x/captions/x.en.vtt" in str(error) and "\n" not in str(error) for error in bad)
        assert all(cue.text and cue.end_s > cue.start_s for track in found for cue in track.cues)


def test_looking_up_captions_reads_none_of_them(tmp_path: Path) -> None:
    path = pack(tmp_path / "s.tar", {"x/english.en.native.vtt": b"garbage", "english.en.native.vtt": b"in no folder"})
    index = index_captions([path])
    assert list(index.files) == ["x"]


def test_a_subtitles_tar_among_the_shards_is_known_by_what_it_holds(
    tmp_path: Path, signverse: Callable[..., Any]
) -> None:
    (tmp_path / "shards").mkdir()
    pack(tmp_path / "shards" / "Sign_DWPose_NPZ_000001.tar", video("x"))
    pack(tmp_path / "shards" / "renamed.tar", {"x/english.en.native.vtt": NATIVE})
    code, _, err = signverse("ingest", "shards", tmp_path / "shards", "--lake", tmp_path / "lake")
    assert code == 0
    assert "renamed.tar: a subtitles tar, read as captions" in err
    assert [kind for _, kind, _ in segments(Lake.open(tmp_path / "lake"))] == ["manual"]


def test_a_track_without_a_language_in_its_name_has_that_of_its_header_or_none(brought_in: Callable[..., Lake]) -> None:
    plain = {"x/captions/x.vtt": vtt((0, 1, "eins"), head="WEBVTT\nLanguage: de"), "y/captions/y.vtt": vtt((0, 1, "?"))}
    lake = brought_in(video("x") | video("y") | plain)
    assert list(tracks(lake)) == ["de.manual"]
    assert list(tracks(lake, "y")) == ["und.manual"]


def test_a_caption_that_reads_like_our_note_is_a_caption(brought_in: Callable[..., Lake]) -> None:
    said = vtt((0, 1, "one")) + b"00:00:02.000 --> 00:00:03.000\nNOTE track kind=translated source=de\n"
    lake = brought_in(video("x", en=said))
    assert [kind for _, kind, _ in segments(lake)] == ["manual"] * 2


def test_one_folder_may_be_named_for_the_shards_and_for_the_captions(
    tmp_path: Path, signverse: Callable[..., Any]
) -> None:
    both = tmp_path / "both"
    both.mkdir()
    pack(both / "Sign_DWPose_NPZ_000001.tar", video("x"))
    pack(both / "subtitles.tar", {"x/english.en.native.vtt": NATIVE})
    code, _, err = signverse("ingest", "shards", both, "--subtitles", both, "--lake", tmp_path / "lake")
    assert code == 0
    assert "1 video ingested" in err
    assert segments(Lake.open(tmp_path / "lake")) == [("by a person", "manual", "native")]
    code, _, err = signverse("ingest", "shards", both, "--subtitles", both, "--lake", tmp_path / "lake")
    assert "0 videos ingested, 1 already in the lake" in err
