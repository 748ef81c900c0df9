"""Which stream is the video, its displayed shape, encrypted files, and sound that is longer than the picture."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from signverse.ingest.extract.probe import probe
from signverse.lake.media.decode import Decoder
from signverse.lake.model.errors import BadInputError
from tests.ingest.extract.numbered_video import ffmpeg, number_of, picture, seen, write

FIELD = Path(__file__).parent / "field"
KEY = "76a6c65c5ea762046bd749a2e632ccbb"


def pictures_of_ffmpeg(path: Path, width: int, height: int) -> np.ndarray:
    shape = f"fps=24,scale={width}:{height},setsar=1"
    raw = ffmpeg("-i", path, "-vf", shape, "-f", "rawvideo", "-pix_fmt", "bgr24", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def several(path: Path, streams: list[tuple[tuple[int, int], bool]]) -> Path:
    """Video streams of a size each, of which some are the default; each shows its own number."""
    with av.open(str(path), "w") as container:
        made = []
        for (width, height), default in streams:
            stream = container.add_stream("libx264", rate=24)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            if default:
                stream.disposition = av.stream.Disposition.default
            made.append(stream)
        for time in range(12):
            for number, stream in enumerate(made):
                frame = av.VideoFrame.from_ndarray(picture(number + 1, stream.width, stream.height), format="rgb24")
                frame.pts, frame.time_base = time, Fraction(1, 24)
                container.mux(stream.encode(frame))
        for stream in made:
            container.mux(stream.encode(None))
    return path


SMALL, MIDDLE, LARGE = (128, 32), (128, 64), (256, 64)


@pytest.mark.parametrize(
    ("streams", "best"),
    [
        ([(SMALL, False), (LARGE, False), (MIDDLE, False)], 1),
        ([(SMALL, True), (LARGE, False)], 0),
        ([(LARGE, False), (SMALL, True), (MIDDLE, True)], 2),
        ([(MIDDLE, False), (MIDDLE, False)], 0),
    ],
    ids=["the largest", "the default", "the largest default", "the first of equals"],
)
@pytest.mark.parametrize("name", ["v.mkv", "v.mp4"])
def test_the_stream_is_the_one_that_ffmpeg_takes(
    tmp_path: Path, name: str, streams: list[tuple[tuple[int, int], bool]], best: int
) -> None:
    path = several(tmp_path / name, streams)
    with Decoder(path) as video:
        images = np.stack(list(video))
    # An MP4 file without a default makes its first stream one.
    assert name == "v.mp4" or number_of(images[5]) == best + 1
    theirs = pictures_of_ffmpeg(path, video.facts.width, video.facts.height)
    assert theirs.shape == images.shape
    assert np.abs(theirs.astype(int) - images).max() <= 3
    assert video.repairs == [repair for repair in video.repairs if repair.startswith(f"{len(streams)} video streams: ")]
    assert len(video.repairs) == 1


def test_a_thumbnail_that_comes_first_is_not_the_video() -> None:
    with Decoder(FIELD / "two_streams.mkv") as video:
        assert len(list(video)) == 24
    assert video.repairs == ["2 video streams: stream 1 (h264 64x48) is used, not stream 0 (mjpeg 16x12)"]


def test_pixels_that_are_not_square_are_scaled_to_the_displayed_shape() -> None:
    with Decoder(FIELD / "sar.mp4") as video:
        shapes = {image.shape for image in video}
    assert shapes == {(58, 102, 3)}
    assert (video.facts.width, video.facts.height) == (102, 58)
    assert video.repairs == ["pixels of 64:45: 72x58 scaled to 102x58"]


@pytest.mark.parametrize("aspect", ["64:45", "8:9", "16:15", "4:3", "1:2", "1:1", "0:1"])
@pytest.mark.parametrize("place", ["container", "codec", "both", "codec against container"])
@pytest.mark.parametrize("turned", [0, 90], ids=["upright", "on its side"])
def test_the_displayed_shape_has_the_aspect_of_the_file(tmp_path: Path, aspect: str, place: str, turned: int) -> None:
    """The container's word counts before the codec's, as in ffmpeg; the picture is turned after it is scaled."""
    across, down = map(int, aspect.split(":"))
    path = tmp_path / "v.mp4"
    of_codec = "3/2" if place == "codec against container" else f"{across}/{down}"
    metadata = f"h264_metadata=sample_aspect_ratio={of_codec}"
    plain = write(tmp_path / "plain.mp4", range(4), clock=Fraction(1, 24), rotation=turned)
    if across == 0:
        shutil.copy(plain, path)
    elif place == "container":
        ffmpeg("-i", plain, "-c", "copy", "-aspect", f"{2 * across}:{down}", path)
    elif place == "codec":
        if turned:
            pytest.skip("a transport stream has no rotation")
        path = path.with_suffix(".ts")
        ffmpeg("-i", plain, "-c", "copy", "-bsf:v", metadata, path)
    else:
        ffmpeg("-i", plain, "-c", "copy", "-bsf:v", metadata, "-aspect", f"{2 * across}:{down}", path)
    with Decoder(path) as video:
        shapes = {image.shape[:2] for image in video}
    width = round(128 * (Fraction(across, down) if across else 1))
    expected = (width, 64) if turned else (64, width)
    assert shapes == {expected}
    assert (video.facts.height, video.facts.width) == expected
    assert bool(video.repairs) == (width != 128)


def test_an_impossible_aspect_is_not_believed(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.mkv", range(4), clock=Fraction(1, 24))
    ffmpeg("-i", plain, "-c", "copy", "-aspect", "20000:1", tmp_path / "v.mkv")
    with Decoder(tmp_path / "v.mkv") as video:
        assert {image.shape for image in video} == {(64, 128, 3)}
    assert [repair.endswith(" are not believed: taken as square") for repair in video.repairs] == [True]


@pytest.mark.parametrize(("name", "sound"), [("v.flv", "mp3"), ("v.mp4", "aac"), ("v.mkv", "aac"), ("v.wmv", "wmav2")])
@pytest.mark.parametrize("video", ["libx264", "mpeg4", "flv"])
def test_sound_that_goes_on_after_the_picture_is_no_damage(tmp_path: Path, name: str, sound: str, video: str) -> None:
    if (video, name) in {("flv", "v.mp4"), ("mpeg4", "v.flv")}:
        pytest.skip("the container does not take this codec")
    path = tmp_path / name
    source = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=24:d=1", "-f", "lavfi", "-i", "sine=d=4")
    ffmpeg(*source, "-c:v", video, "-pix_fmt", "yuv420p", "-c:a", sound, path)
    with Decoder(path) as decoder:
        assert len(list(decoder)) == pytest.approx(24, abs=2)
    assert (decoder.damaged_frames, decoder.remark, decoder.repairs) == (0, "", [])


def test_the_long_sound_of_the_field_is_no_damage() -> None:
    with Decoder(FIELD / "long_sound.flv") as video:
        assert len(list(video)) == 25
    assert (video.damaged_frames, video.remark) == (0, "")


def test_a_download_with_sound_that_broke_off_is_damaged(tmp_path: Path) -> None:
    source = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=24:d=6", "-f", "lavfi", "-i", "sine=d=6")
    ffmpeg(*source, "-c:v", "flv", "-c:a", "mp3", tmp_path / "whole.flv")
    content = (tmp_path / "whole.flv").read_bytes()
    (tmp_path / "cut.flv").write_bytes(content[: len(content) // 2])
    with Decoder(tmp_path / "cut.flv") as video:
        count = len(list(video))
    assert count < 100
    assert video.num_frames + video.damaged_frames == pytest.approx(144, abs=4)
    assert video.remark.startswith("ends at ")


def encrypted(path: Path, kind: str) -> Path:
    plain = write(path.with_name("plain.mp4"), range(24), clock=Fraction(1, 24))
    if kind in {"cenc", "cenc in fragments"}:
        fragments = ("-movflags", "frag_keyframe+empty_moov") if "fragments" in kind else ()
        how = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", KEY, "-encryption_kid", KEY)
        ffmpeg("-i", plain, "-c", "copy", *how, *fragments, path)
    elif kind == "scrambled":
        # As broadcasters do: the two bits of each packet's head.
        path = path.with_suffix(".ts")
        ffmpeg("-i", plain, "-c", "copy", path)
        content = bytearray(path.read_bytes())
        for at in range(0, len(content), 188):
            if (content[at + 1] & 0x1F) << 8 | content[at + 2] == 0x100:
                content[at + 3] |= 0x80
        path.write_bytes(content)
    else:
        head = b"avc1" + bytes(7) + b"\1"
        content = plain.read_bytes()
        assert content.count(head) == 1
        path.write_bytes(content.replace(head, kind.encode() + head[4:]))
    return path


@pytest.mark.parametrize("kind", ["cenc", "cenc in fragments", "encv", "drmi", "drms", "scrambled"])
def test_an_encrypted_file_is_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    path = encrypted(tmp_path / "v.mp4", kind)
    with pytest.raises(BadInputError) as refusal:
        Decoder(path)
    assert str(refusal.value).startswith(f"{path}: the video is encrypted")
    assert "\n" not in str(refusal.value)
    if kind == "cenc in fragments":
        return
    report = probe(path)
    assert report.encrypted
    assert report.remarks == ("the video is encrypted",)


def test_sound_that_is_encrypted_does_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path / "plain.mp4", range(24), clock=Fraction(1, 24))
    both = tmp_path / "v.mp4"
    ffmpeg("-i", path, "-f", "lavfi", "-i", "sine=d=1", "-c:v", "copy", "-c:a", "aac", both)
    head = b"mp4a" + bytes(7) + b"\1"
    both.write_bytes(both.read_bytes().replace(head, b"enca" + head[4:]))
    assert seen(both) == list(range(24))


def test_pictures_too_large_for_a_worker_are_refused(tmp_path: Path) -> None:
    head = b"GIF89a" + (16_000).to_bytes(2, "little") * 2 + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\x04\0\x0a\0\0\0\x2c" + bytes(4) + b"\1\0\1\0\0" + b"\x02\x02\x44\x01\0"
    (tmp_path / "v.gif").write_bytes(head + 2 * frame + b";")
    with pytest.raises(BadInputError, match="16000x16000"):
        Decoder(tmp_path / "v.gif")


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4"])
def test_a_stream_without_a_picture_is_not_the_video(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        streams = []
        for width, height in (LARGE, MIDDLE):
            stream = container.add_stream("libx264", rate=24)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            streams.append(stream)
        streams[0].disposition = av.stream.Disposition.default
        container.start_encoding()
        for number in range(24):
            frame = av.VideoFrame.from_ndarray(picture(number, *MIDDLE), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(streams[1].encode(frame))
        container.mux(streams[1].encode(None))
    assert seen(path) == list(range(24))


def test_a_shape_that_changes_inside_a_broadcast_is_said(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.ts", range(24), clock=Fraction(1, 24))
    wide = tmp_path / "wide.ts"
    ffmpeg("-i", plain, "-c", "copy", "-bsf:v", "h264_metadata=sample_aspect_ratio=4/3", wide)
    square = tmp_path / "square.ts"
    ffmpeg("-i", plain, "-c", "copy", "-bsf:v", "h264_metadata=sample_aspect_ratio=1/1", square)
    path = tmp_path / "v.ts"
    path.write_bytes(square.read_bytes() + wide.read_bytes())
    with Decoder(path) as video:
        assert {image.shape for image in video} == {(64, 128, 3)}
    assert any(repair.startswith("pixels become 4:3 from ") for repair in video.repairs)
