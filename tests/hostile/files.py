"""Hostile files by reader: each is a function that makes them in a folder and gives the command that reads them."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from tests.hostile import parquet_bombs
from tests.ingest.extract.hostile_videos import gif
from tests.ingest.shards.made_shards import caption, pack, poses, video
from tests.ingest.shards.untrusted.pickle_bombs import KINDS, npz

Made = Callable[[Path], list[object]]
"""Makes files in a folder; gives the words of a command. LAKE is a whole lake, EXPORT an export of it."""

NESTED: Final = b"[" * 200_000
ESCAPES: Final = "\x1b]0;owned\x07\x1b[31mred\x9b31m\u202e"


def endless(path: Path) -> Path:
    """A link to a device that never ends."""
    path.symlink_to("/dev/zero")
    return path


def pipe(path: Path) -> Path:
    """A pipe that nobody writes to."""
    os.mkfifo(path)
    return path


def filled(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size
    return info


def claiming(size: int, name: str = "x/poses.npz") -> bytes:
    """A tar whose one member claims so many bytes."""
    return member(name, size=size).tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def sparse(real: int) -> bytes:
    head = bytearray(member("x/poses.npz", b"S").tobuf(tarfile.GNU_FORMAT))
    head[386:410] = b"%011o\0%011o\0" % (0, 1)
    head[483:495] = b"\x80\0\0\0" + struct.pack(">Q", real)
    head[148:156] = b"        "
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + bytes(1024)


def changed_npz(name: str, data: bytes) -> bytes:
    """A poses.npz with one array given in other bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(poses())) as whole, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in whole.namelist():
            archive.writestr(each, data if each == name else whole.read(each))
    return made.getvalue()


def npy(header: str, data: bytes = b"") -> bytes:
    text = header.encode()
    return b"\x93NUMPY\x02\0" + struct.pack("<I", len(text)) + text + data


HUGE_HEADER: Final = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4000000000,), }\n")
NESTED_HEADER: Final = npy("(" * 100_000)


def shard(name: str = "x", **changes: bytes) -> Made:
    """`ingest shards` of a tar with one good video and one that is changed."""

    def make(folder: Path) -> list[object]:
        path = pack(folder / "Sign_DWPose_NPZ_000001.tar", video("good") | video(name, **changes))
        return ["ingest", "shards", path, "--lake", "NEW"]

    return make


def one(command: list[object], name: str, data: bytes | Callable[[Path], object]) -> Made:
    """A command that is given one file."""

    def make(folder: Path) -> list[object]:
        path = folder / name
        filled(path, data) if isinstance(data, bytes) else data(path)
        return [*command, path]

    return make


def inspected(name: str, data: bytes | Callable[[Path], object]) -> Made:
    return one(["inspect"], name, data)


def planned(name: str, data: bytes | Callable[[Path], object]) -> Made:
    return one(["ingest", "plan"], name, data)


def selected(name: str, data: bytes | Callable[[Path], object]) -> Made:
    return one(["export", "pose", "--lake", "LAKE", "--out", "NEW", "--selection"], name, data)


def split_from(name: str, data: bytes | Callable[[Path], object]) -> Made:
    return one(["split", "--lake", "LAKE", "--name", "x", "--from"], name, data)


def captioned(name: str, data: bytes | Callable[[Path], object]) -> Made:
    """`ingest captions` of a folder with this file."""

    def make(folder: Path) -> list[object]:
        one([], name, data)(folder)
        return ["ingest", "captions", folder, "--lake", "LAKE"]

    return make


def of_lake(command: list[object], place: str, data: bytes | Callable[[Path], object]) -> Made:
    """A command on a lake in which the last file of a pattern is another one."""

    def make(folder: Path) -> list[object]:
        lake = folder / "lake"
        shutil.copytree(folder.parent / "LAKE", lake)
        path = sorted(lake.glob(place))[-1]
        path.unlink()
        filled(path, data) if isinstance(data, bytes) else data(path)
        return [lake if word == "LAKE" else word for word in command]

    return make


def of_export(lines: str, **files: bytes | Callable[[Path], object]) -> Made:
    """`verify` of an export with further files and lines of SHA256SUMS."""

    def make(folder: Path) -> list[object]:
        export = folder / "export"
        shutil.copytree(folder.parent / "EXPORT", export)
        for name, data in files.items():
            path = export / f"Sign_DWPose_NPZ_{name}.tar"
            filled(path, data) if isinstance(data, bytes) else data(path)
        with (export / "SHA256SUMS").open("a", encoding="utf-8") as sums:
            sums.write(lines)
        return ["verify", export]

    return make


def with_info(data: bytes) -> Made:
    def make(folder: Path) -> list[object]:
        gif(folder / "v.gif", 16, 16)
        filled(folder / "v.info.json", data)
        return ["inspect", folder]

    return make


def models(data: bytes | Callable[[Path], object]) -> Made:
    def make(folder: Path) -> list[object]:
        one([], "m.onnx", data)(folder)
        return ["models", "list", "--models", folder]

    return make


def drawn(name: str, data: bytes | Callable[[Path], object]) -> Made:
    """`picture` of a file."""

    def make(folder: Path) -> list[object]:
        return [*one(["picture", "-o", folder / "x.png"], name, data)(folder)]

    return make


def pose(components: int, more: bytes = b"") -> bytes:
    """A .pose file of so many components without names, formats or points."""
    return struct.pack("<fHHHH", 0.2, 320, 240, 0, components) + bytes(10 * components) + more


def _zip_bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("frames.npy", bytes(300 << 20))
    return made.getvalue()


_ZEROS: Final = "0" * 64

REFUSED: Final[dict[str, Made]] = {
    # tars
    "a tar that is a pipe": inspected("x.tar", pipe),
    "a tar without an end": inspected("x.tar", endless),
    "a shard that is a pipe": lambda f: ["ingest", "shards", pipe(f / "x.tar"), "--lake", "NEW"],
    "a member of eight exabytes": one(["ingest", "shards", "--lake", "NEW"], "x.tar", claiming(2**63 - 1)),
    "a sparse member": one(["ingest", "shards", "--lake", "NEW"], "x.tar", sparse(2**40)),
    "a tar of compressed zeros": one(["ingest", "shards", "--lake", "NEW"], "x.tar", gzip.compress(bytes(64 << 20))),
    "a member that is a link to another file": lambda f: [
        *("ingest", "shards", "--lake", "NEW"),
        pack(f / "x.tar", {"x/poses.npz": member("x/poses.npz", tarfile.SYMTYPE, "/etc/passwd")}),
    ],
    # npz and pickles
    **{f"a pickle of {name}": shard(data=npz(KINDS[name](24))) for name in ("numbers pushed", "remembered")},
    "an array of 32 GB by its header": shard(data=changed_npz("frame_ids.npy", HUGE_HEADER)),
    "a header of an array in 100,000 brackets": shard(data=changed_npz("fps.npy", NESTED_HEADER)),
    "an archive of zeros": shard(data=_zip_bomb()),
    "frames beyond all videos": shard(data=poses(frame_ids=np.array([0, 1, 2**62]))),
    "a width of a billion": shard(data=poses(width=np.array(10**9))),
    "captions of 200,000 brackets": shard(text=NESTED),
    "a name with escapes": shard("x" + ESCAPES),
    "times of 10^4000": shard(text=caption(segments=[{"start": 0, "end": 10**4000, "text": "x"}], title=7)),
    # captions
    "captions that are a pipe": inspected("v.en.vtt", pipe),
    "captions without an end": inspected("v.en.vtt", endless),
    "captions of brackets": inspected("v.en.json3", b'{"events":' + NESTED),
    # lists
    "a list without an end": planned("m.csv", endless),
    "a list of brackets": planned("m.json", NESTED),
    "a list of zeros": planned("m.csv", bytes(1 << 20)),
    "a list that is an archive": planned("m.xlsx", _zip_bomb()),
    "a Parquet list of nothing": planned("m.parquet", b"PAR1" + bytes(100) + b"\xff\xff\xff\x7fPAR1"),
    **{
        f"a Parquet {noun} of {name}": make("x.parquet", data)
        for noun, make in (("list", planned), ("selection", selected), ("split", split_from))
        for name, data in parquet_bombs.KINDS.items()
    },
    "lines of JSON that are lists": planned("m.jsonl", b"[1]\n" * 1000),
    # selections
    "a selection without an end": selected("s.csv", endless),
    "a selection of brackets": selected("s.json", NESTED),
    "a Parquet selection of nothing": selected("s.parquet", b"PAR1" + bytes(100) + b"\x08\0\0\0PAR1"),
    "a selection of another world": selected(
        "s.csv", f"segment_id,video_id,ingest_id,start_frame,end_frame\n{ESCAPES},x,y,0,9\n".encode()
    ),
    # videos
    "a picture of 65,535 x 65,535": inspected("g.gif", lambda path: gif(path, 65_535, 65_535)),
    "a picture of 16,000 x 16,000": inspected("g.gif", lambda path: gif(path, 16_000, 16_000)),
    "a video that is a pipe": inspected("v.mp4", pipe),
    "a video without an end": inspected("v.mp4", endless),
    "a video that names other files": inspected("v.mp4", b"ffconcat version 1.0\nfile '/etc/passwd'\n"),
    "a video that is a playlist": inspected("v.mp4", b"#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n"),
    "a video of zeros": inspected("v.mkv", bytes(1 << 20)),
    # .pose files
    "a .pose file that is a pipe": drawn("x.pose", pipe),
    "a .pose file without an end": drawn("x.pose", endless),
    "a .pose file of zeros": drawn("x.pose", bytes(1 << 20)),
    "a .pose file of half a gigabyte of zeros": drawn("x.pose", lambda path: _hole(path, 1 << 29)),
    "a .pose file of 65,535 components": drawn("x.pose", pose(65_535)),
    "a .pose file of billions of frames": drawn("x.pose", pose(0, struct.pack("<fIH", 24, 0xFFFF_FFFF, 65_535))),
    "a .pose file with escapes": drawn(
        "x.pose", struct.pack("<fHHHHH", 0.2, 320, 240, 0, 1, len(ESCAPES.encode())) + ESCAPES.encode() + bytes(4096)
    ),
    # exports
    "a listed file without an end": of_export(f"{_ZEROS}  Sign_DWPose_NPZ_000009.tar\n", **{"000009": endless}),
    "a listed file that is a pipe": of_export(f"{_ZEROS}  Sign_DWPose_NPZ_000009.tar\n", **{"000009": pipe}),
    "a listed name with escapes": of_export(f"{_ZEROS}  {ESCAPES}\n"),
    "a listed name with a NUL": of_export(f"{_ZEROS}  a\0b\n"),
    "a listed file elsewhere": of_export(f"{_ZEROS}  ../../../../etc/passwd\n"),
    # lakes
    "a log entry of brackets": of_lake(["verify", "LAKE"], "videos/_delta_log/*.json", NESTED),
    "an empty log entry": of_lake(["sql", "from videos", "--lake", "LAKE"], "videos/_delta_log/*.json", b""),
    "a log entry that is a pipe": of_lake(["verify", "LAKE"], "segments/_delta_log/*.json", pipe),
    "keypoints of zeros": of_lake(["verify", "LAKE"], "keypoints/**/*.parquet", bytes(1 << 20)),
    "keypoints without an end": of_lake(["verify", "LAKE"], "keypoints/**/*.parquet", endless),
    "segments that are a pipe": of_lake(
        ["sql", "select count(text) from segments", "--lake", "LAKE"], "segments/**/*.parquet", pipe
    ),
}
"""What ends with an exit code that is not 0, by a name."""

READ: Final[dict[str, Made]] = {
    "a video that names a folder above": lambda f: [
        *("ingest", "shards", "--lake", "NEW"),
        pack(f / "x.tar", video("good") | {f"../../{name}": data for name, data in video("up").items()}),
    ],
    "200,000 members": lambda f: [
        "inspect",
        filled(f / "x.tar", b"".join(member(f"{i}/x").tobuf() for i in range(200_000))),
    ],
    "captions of a million cues at once": inspected(
        "v.en.vtt", b"WEBVTT\n\n" + b"00:00.000 --> 10:00.000\n<i>a\n\n" * 100_000
    ),
    "captions of nothing but times": inspected("v.en.srt", b"99:99:99,999 --> 00:00:00,000\n" * 1000),
    "captions in a folder without an end": captioned("aa.en.vtt", endless),
    "a cell of 20 MB": planned("m.csv", b"video_id,title\nabcdefghijk," + b"x" * (20 << 20) + b"\n"),
    "labels with escapes": planned("m.csv", f"video_id,sign_language\nabcdefghijk,{ESCAPES}\n".encode()),
    "an info file of brackets": with_info(NESTED),
    "a title of 30 MB": with_info(json.dumps({"id": "v", "title": "x" * (30 << 20)}).encode()),
    "a model of zeros": models(bytes(1 << 20)),
    "a model without an end": models(endless),
    "a model that is a pipe": models(pipe),
    "a pointer to a checkpoint of another world": of_lake(
        ["info", "LAKE"], "videos/_delta_log/*00.json", lambda path: _lying_pointer(path)
    ),
}
"""What may be read, in part at least: bounded all the same."""


def _hole(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def _lying_pointer(path: Path) -> None:
    # The entry that was taken out goes back.
    shutil.copy(path.parents[4] / "LAKE" / "videos" / "_delta_log" / path.name, path)
    filled(path.with_name("_last_checkpoint"), b'{"version":999999999999,"size":1}')
