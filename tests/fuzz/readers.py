"""The readers of what strangers give, each as a function of a file, with files that it reads to begin with."""

from __future__ import annotations

import io
import json
import random
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from tests.fuzz.mutations import changed, changed_parquet, changed_tar, changed_zip

Mutation = Callable[[bytes, random.Random, Sequence[bytes]], bytes]


@dataclass(frozen=True)
class Reader:
    """A reader.

    Attributes:
        seeds: by the ending of their names, files that it reads.
        read: takes the file in a folder of its own; raises SignverseError or nothing.
        mutations: by the ending, how they are changed; `changed` where it is not named.
    """

    seeds: Callable[[], dict[str, list[bytes]]]
    read: Callable[[Path], object]
    mutations: dict[str, Mutation] = field(default_factory=dict)


def _exhaust(items: Iterable[object]) -> None:
    for _ in items:
        pass


@cache
def _npz_files() -> list[bytes]:
    from tests.ingest.shards.dialect_files import consolidated, flat, person, saved
    from tests.ingest.shards.made_shards import frame, parts, poses

    frames = [flat([person(1), person(2)]), flat([]), flat([person(3)])]
    two = [frame(0, parts(1), parts(2)), frame(1), frame(2, parts(3))]
    return [poses(), poses(two), consolidated(frames), consolidated(frames, [0, 4, 9]), saved(**frames[0])]


def _shards() -> dict[str, list[bytes]]:
    from tests.ingest.shards.dialect_files import flat, per_frame, person
    from tests.ingest.shards.made_shards import pack, video
    from tests.ingest.shards.test_frame_dicts import FILES as FRAMES_OF_DICTS

    frames = {f"cc/npz/{name}": data for name, data in per_frame([flat([person(i)]) for i in range(3)]).items()}
    vtt = b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n"
    contents = [
        video("aa") | video("bb"),
        {"bb/npz/poses.npz": _npz_files()[2], "bb/captions/bb.en.vtt": vtt},
        frames,
        {f"dd/npz/{name}": data for name, data in FRAMES_OF_DICTS.items()},
        {"aa/aa.en.vtt": vtt},
    ]
    with tempfile.TemporaryDirectory() as folder:
        return {".tar": [pack(Path(folder) / "x.tar", members).read_bytes() for members in contents]}


def _read_shard(path: Path) -> None:
    from signverse.ingest.shards.reader import Options, read_shard
    from signverse.ingest.shards.tar_files import ShardTask

    _exhaust(read_shard(ShardTask(path), Options()))


def _inspect(path: Path) -> None:
    from signverse.ingest.shards.untrusted.tar_reader import Tar

    with Tar(path) as tar:
        _exhaust(tar.members())


def _read_npz(path: Path) -> None:
    from signverse.ingest.shards.untrusted.npz_reader import read_npz

    read_npz(path.read_bytes(), path.name)


def _pickles() -> dict[str, list[bytes]]:
    import zipfile

    found = []
    for data in _npz_files()[:4]:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in ("frames.npy", "frame_payloads.npy"):
                if name in archive.namelist():
                    array = archive.read(name)
                    found.append(array[array.index(b"\n") + 1 :])
    return {".pickle": found}


def _read_pickle(path: Path) -> None:
    from signverse.ingest.shards.untrusted.pickle_reader import frames_in, unframed

    with path.open("rb") as file:
        pickled = b"".join(unframed(file, path.stat().st_size))
    for _ in frames_in(pickled, path.name):
        pass


def _captions() -> dict[str, list[bytes]]:
    field_files = Path(__file__).parents[1] / "ingest" / "captions" / "field"
    vtt = [path.read_bytes()[:20_000] for path in sorted(field_files.glob("*.vtt"))]
    srt = b"1\n00:00:01,000 --> 00:00:02,500\nHello <i>there</i>\n\n2\n00:00:03,000 --> 00:00:04,000\nHow are you?\n"
    ass = (
        b"[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: Layer, Start, End, Style, Text\n"
        b"Dialogue: 0,0:00:01.00,0:00:02.50,Default,{\\an8}Hello\\Nthere\n"
    )
    events = [{"tStartMs": i * 1000, "dDurationMs": 900, "segs": [{"utf8": "word ", "tOffsetMs": 3}]} for i in range(4)]
    utf16 = srt.decode().encode("utf-16")
    return {".vtt": vtt, ".srt": [srt, utf16], ".ass": [ass], ".json3": [json.dumps({"events": events}).encode()]}


def _read_captions(path: Path) -> None:
    from signverse.ingest.captions.track_reader import track_from

    track_from(path.read_bytes(), path.name, "en", sound_marks=False)


def _lists() -> dict[str, list[bytes]]:
    import polars as pl

    rows = [
        {"video_id": "abcdefghijk", "sign_language": "ase", "title": "One, two", "url": "https://youtu.be/abcdefghijk"},
        {"video_id": "b" * 11, "sign_language": "British Sign Language", "title": 'say "hi"', "url": "b.mp4"},
    ]
    frame, parquet = pl.DataFrame(rows), io.BytesIO()
    frame.write_parquet(parquet)
    csv = frame.write_csv().encode()
    return {
        ".csv": [
            csv,
            csv.decode().encode("utf-16"),
            b"# of mine\nabcdefghijk;dgs\n",
            frame.write_csv(separator=";").encode(),
        ],
        ".tsv": [frame.write_csv(separator="\t").encode()],
        ".txt": [b"https://www.youtube.com/watch?v=abcdefghijk\nbbbbbbbbbbb\n"],
        ".json": [json.dumps(rows).encode(), json.dumps({"videos": rows}).encode()],
        ".jsonl": [b"\n".join(json.dumps(row).encode() for row in rows)],
        ".parquet": [parquet.getvalue()],
    }


def _read_list(path: Path) -> None:
    from signverse.ingest.manifest import read_manifest

    _ = read_manifest(path).account


def _selections() -> dict[str, list[bytes]]:
    import polars as pl

    frame = pl.DataFrame(
        {
            "segment_id": ["a-00000", "b-00000"],
            "video_id": ["a", "b"],
            "ingest_id": ["0190b2f0-0000-7000-8000-000000000000"] * 2,
            "start_frame": [0, 3],
            "end_frame": [3, 9],
            "text": ["Hello", None],
        }
    )
    files: dict[str, list[bytes]] = {}
    for ending in ("parquet", "csv", "json", "ndjson"):
        buffer = io.BytesIO()
        getattr(frame, f"write_{ending}")(buffer)
        files[f".{ending}"] = [buffer.getvalue()]
    return files


def _read_selection(path: Path) -> None:
    from signverse.lake.query.selection_file import read_selection_file, version_of_selection

    version_of_selection(path)
    read_selection_file(path, [])


def _videos() -> dict[str, list[bytes]]:
    import av
    import numpy as np

    files: dict[str, list[bytes]] = {}
    for ending, codec, form in ((".mp4", "mpeg4", "yuv420p"), (".mkv", "mjpeg", "yuvj420p"), (".gif", "gif", "rgb8")):
        buffer = io.BytesIO()
        with av.open(buffer, "w", format={".mkv": "matroska"}.get(ending, ending[1:])) as out:
            stream = out.add_stream(codec, rate=24)
            stream.width, stream.height, stream.pix_fmt = 32, 32, form
            for i in range(5):
                picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 40 * i, np.uint8)).reformat(format=form)
                out.mux(stream.encode(picture))
            out.mux(stream.encode())
        files[ending] = [buffer.getvalue()]
    return files


def _read_video(path: Path) -> None:
    from signverse.ingest.extract.probe import probe
    from signverse.lake.media.decode import Decoder

    probe(path)
    with Decoder(path) as video:
        for count, _ in enumerate(video):
            if count == 200:
                break


def _infos() -> dict[str, list[bytes]]:
    info = {"id": "abcdefghijk", "title": "T", "channel": "C", "webpage_url": "https://youtu.be/abcdefghijk"}
    return {".json": [json.dumps(info).encode()]}


def _read_info(path: Path) -> None:
    from signverse.ingest.shards.upload_state import listed_videos
    from signverse.ingest.videos.video_names import load_info

    load_info(path)
    path.rename(path.with_name("archive_upload_progress.json"))
    listed_videos([path.parent])


def _states() -> dict[str, list[bytes]]:
    return {".json": [json.dumps({"archives": {"x.tar": {"folders": ["a", "b"]}}}).encode(), *_infos()[".json"]]}


@cache
def _lake() -> Path:
    """A lake of two videos and its export, made once a process."""
    from signverse.command_line import build_app
    from signverse.lake.cli.entry import run
    from tests.ingest.shards.made_shards import pack, video

    folder = Path(tempfile.mkdtemp(prefix="signverse-fuzz-"))
    pack(folder / "Sign_DWPose_NPZ_000001.tar", video("aa") | video("bb"))
    words = ["-q", "ingest", "shards", str(folder / "Sign_DWPose_NPZ_000001.tar"), "--lake", str(folder / "lake")]
    assert run(build_app(), words) == 0
    for kind in ("shards", "webdataset", "parquet", "pose"):
        command = ["-q", "export", kind, "--lake", str(folder / "lake"), "--out", str(folder / kind)]
        assert run(build_app(), command) == 0
    return folder


def _files_of(folder: Path) -> dict[str, list[bytes]]:
    """Every file, by its path as the ending: what is changed goes back to its place."""
    return {f"@{path.relative_to(folder)}": [path.read_bytes()] for path in folder.rglob("*") if path.is_file()}


def _put_back(path: Path, whole: Path) -> Path:
    """A copy of a folder with the changed file in it."""
    copy = path.parent / "copy"
    shutil.copytree(whole, copy)
    place = copy / path.name.partition("@")[2].replace("|", "/")
    shutil.move(path, place)
    return copy


def _read_lake(path: Path) -> None:
    from signverse.lake.lake import Lake
    from signverse.lake.query.read_only import run_once
    from signverse.lake.query.selection import Selection
    from signverse.lake.upkeep.verify import verify_lake

    lake = _put_back(path, _lake() / "lake")
    with Lake.open(lake) as opened:
        _exhaust(verify_lake(opened.snapshot))
        opened.select(Selection())
        run_once(opened.snapshot, "select video_id, count(*) from keypoints group by all")
        opened.keypoints("aa")


def _exports() -> dict[str, list[bytes]]:
    files = {}
    for kind in ("shards", "webdataset", "parquet", "pose"):
        files |= {f"@{kind}/{name[1:]}": data for name, data in _files_of(_lake() / kind).items()}
    return files


def _read_export(path: Path) -> None:
    import hashlib

    from signverse.export.release.verify import verify_export

    kind, _, name = path.name.partition("@")[2].replace("|", "/").partition("/")
    changed_file = path.rename(path.with_name(f"x@{name.replace('/', '|')}"))
    folder = _put_back(changed_file, _lake() / kind)
    sums = folder / "SHA256SUMS"
    if name != sums.name:
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        lines = sums.read_text(encoding="utf-8").splitlines()
        sums.write_text("".join(f"{digest if line[66:] == name else line[:64]}{line[64:]}\n" for line in lines))
    _exhaust(verify_export(folder))


def _models() -> dict[str, list[bytes]]:
    import onnx
    from onnx import TensorProto, helper

    shape = ["batch", 3, 64, 64]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["images"], ["output"])],
        "g",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return {".onnx": [onnx.ModelProto.SerializeToString(model)]}


def _read_model(path: Path) -> None:
    from signverse.ingest.models.contract import model_role

    model_role(path)


def _poses() -> dict[str, list[bytes]]:
    import numpy as np
    from pose_format.pose_header import PoseHeader, PoseHeaderDimensions

    from signverse.export.formats.posefile import VERSION, components

    files = []
    for people, frames in ((1, 3), (2, 2)):
        buffer = io.BytesIO()
        PoseHeader(VERSION, PoseHeaderDimensions(320, 240), components()).write(buffer)
        numbers = np.linspace(0, 240, frames * people * 128 * 3, dtype="<f4").tobytes()
        files.append(buffer.getvalue() + struct.pack("<fIH", 24.0, frames, people) + numbers)
    return {".pose": files}


def _read_pose(path: Path) -> None:
    from signverse.export.draw.pose_scene import pose_scene

    next(pose_scene(path).frames())


def _indexes() -> dict[str, list[bytes]]:
    from tests.lake.lists.test_tar_members import FIRST, as_parquet, index

    return {".parquet": [as_parquet(index(FIRST, {})), as_parquet(index(FIRST, {}, {"shard": "b.tar"}))]}


def _read_index(path: Path) -> None:
    from signverse.lake.lists.tar_members import from_parquet

    from_parquet(path.read_bytes(), path.name)


_ZIP: Final[dict[str, Mutation]] = {".npz": changed_zip}
_PARQUET: Final[dict[str, Mutation]] = {".parquet": changed_parquet}

READERS: Final = {
    "tar": Reader(_shards, _inspect, {".tar": changed_tar}),
    "shard": Reader(_shards, _read_shard, {".tar": changed_tar}),
    "npz": Reader(lambda: {".npz": _npz_files()}, _read_npz, _ZIP),
    "pickle": Reader(_pickles, _read_pickle),
    "captions": Reader(_captions, _read_captions),
    "list": Reader(_lists, _read_list, _PARQUET),
    "selection": Reader(_selections, _read_selection, _PARQUET),
    "members": Reader(_indexes, _read_index, _PARQUET),
    "info": Reader(_states, _read_info),
    "pose": Reader(_poses, _read_pose),
    "video": Reader(_videos, _read_video),
    "model": Reader(_models, _read_model),
    "lake": Reader(lambda: _files_of(_lake() / "lake"), _read_lake, {".parquet": changed_parquet}),
    "export": Reader(_exports, _read_export, {".parquet": changed_parquet, ".tar": changed_tar}),
}
"""By name, as `just fuzz` has it."""


def make_input(reader: Reader, number: int, seed: int) -> tuple[str, bytes]:
    """The ending and the bytes of an input: the same ones for the same numbers."""
    chance = random.Random(f"{seed}/{number}")
    seeds = _seeds(reader)
    ending = chance.choice(sorted(seeds))
    how = reader.mutations.get(Path(ending).suffix or ending, changed)
    everything = [data for files in seeds.values() for data in files]
    return ending, how(chance.choice(seeds[ending]), chance, everything)


@cache
def _made_seeds(read: Callable[[], dict[str, list[bytes]]]) -> dict[str, list[bytes]]:
    return read()


def _seeds(reader: Reader) -> dict[str, list[bytes]]:
    return _made_seeds(reader.seeds)
