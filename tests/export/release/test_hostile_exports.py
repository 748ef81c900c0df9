"""`verify` of an export that anyone may have made: problems in one line each, no waiting, bounded memory."""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from signverse.export.release.choice import chosen_videos
from signverse.export.release.shards import Spec, export_shards, plan_shards, prepare_folder
from signverse.export.release.verify import verify_export
from signverse.lake.lake import Lake

ONE = "Sign_DWPose_NPZ_000001.tar"
VIDEO = "sv000000001"
CAPTION = f"{VIDEO}/caption.json"
ZEROS = "0" * 64


@pytest.fixture(scope="session")
def pristine(sample: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of one shard; only to be read."""
    out = tmp_path_factory.mktemp("export") / "out"
    shards = plan_shards(chosen_videos(sample, None)[0])
    prepare_folder(out, sample, shards, Spec(), overwrite=False)
    export_shards(sample, shards, out, Spec())
    return out


@pytest.fixture
def out(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "out"))


def problems(out: Path, memory: int | None = None) -> list[str]:
    """What `verify` says in a process that may take a minute, and some memory more than it has at its start."""

    def bound() -> None:
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    ran = subprocess.run(
        [sys.executable, "-m", "signverse", "verify", str(out)],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=bound,
    )
    assert ran.returncode == 1, ran
    assert "Traceback" not in ran.stderr
    assert "fault of signverse" not in ran.stderr
    assert not {"\x1b", "\x07", "\x9b"} & set(ran.stdout + ran.stderr)
    lines = ran.stdout.splitlines()
    assert lines
    assert ran.stderr == f"signverse: {len(lines)} problem{'s' * (len(lines) > 1)} in the export {out}\n"
    return lines


def listed(out: Path, name: str, digest: str = ZEROS) -> None:
    with (out / "SHA256SUMS").open("a") as file:
        file.write(f"{digest}  {name}\n")


def test_listed_files_that_are_none_are_said_so_and_never_waited_for(out: Path) -> None:
    os.mkfifo(out / "pipe.tar")
    (out / "zero.tar").symlink_to("/dev/zero")
    (out / "stdin.tar").symlink_to("/dev/stdin")
    (out / "loop.tar").symlink_to("loop.tar")
    (out / "folder.tar").mkdir()
    (out / "sub").mkdir()
    os.mkfifo(out / "sub" / "pipe.pose")
    made = ["pipe.tar", "zero.tar", "stdin.tar", "loop.tar", "folder.tar", "sub/pipe.pose", "nothing.tar"]
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(out)
        listening.bind("socket.tar")
        os.chdir(here)
        made.append("socket.tar")
    if Path("/proc/self/maps").exists():
        (out / "proc.tar").symlink_to("/proc/self/maps")
        made.append("proc.tar")
    for name in made:
        listed(out, name)
    found = problems(out)
    for name in made:
        assert len([line for line in found if f"{out / name} " in line]) == 1, (name, found)


def test_names_that_lead_out_of_the_folder_are_no_checksums(out: Path) -> None:
    names = [
        "../secret",
        "../../etc/passwd",
        "/etc/passwd",
        "a/../../secret",
        "./../secret",
        "..",
        "a\\..\\secret",
        "a/b/c/d",
        "a/../c",
    ]
    (out.parent / "secret").write_text("x")
    for name in names:
        listed(out, name, hashlib.sha256(b"x").hexdigest())
    listed(out, "\x1b]0;PWNED\x07\x9b31m")
    found = problems(out)
    assert len(found) == len(names) + 1
    assert sum("is not a checksum" in line or "it is a folder" in line for line in found) == len(names)
    assert any("\\x1b]0;PWNED\\x07\\x9b31m" in line for line in found)


def test_a_listing_that_is_no_ordinary_file_is_not_read(out: Path) -> None:
    for name in ("SHA256SUMS", "index.csv"):
        (out / name).rename(out / "kept")
        for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.mkdir()):
            make(out / name)
            assert any(f"{out / name} cannot be read: it is a" in line for line in verify_export(out))
            (out / name).rmdir() if (out / name).is_dir() else (out / name).unlink()
        (out / "kept").rename(out / name)


def test_a_listing_of_gigabytes_is_refused(out: Path) -> None:
    with (out / "SHA256SUMS").open("r+b") as file:
        file.truncate(1 << 33)
    assert problems(out, 4 << 30) == [
        f"{out / 'SHA256SUMS'} is larger than 268,435,456 bytes, which such a file never is"
    ]


Members = Callable[[Path], Iterator[tuple[tarfile.TarInfo, bytes]]]


def of(name: str, data: bytes = b"", **about: object) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for key, value in about.items():
        setattr(member, key, value)
    return member, data


def with_size(head: bytes, size: int) -> bytes:
    """A head that states another size, in base 256 as large and negative ones are written."""
    head = (
        head[:124] + b"\xff" * 4 + struct.pack(">q", size) + head[136:]
        if size < 0
        else head[:124] + b"\x80" + size.to_bytes(11) + head[136:]
    )
    return head[:148] + b"%06o\0 " % (sum(head[:148]) + 8 * 32 + sum(head[156:])) + head[156:]


def head_of(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0) -> bytes:
    member = tarfile.TarInfo(name)
    member.type = kind
    return with_size(member.tobuf(tarfile.USTAR_FORMAT), size)


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))
    return made.getvalue()


LARGE = 1 << 40

TARS: dict[str, bytes] = {
    "JSON of 100,000 brackets": packed(of(CAPTION, b"[" * 100_000)),
    "JSON of 100,000 objects in each other": packed(of(CAPTION, b'{"a":' * 100_000)),
    "JSON of a number of 100,000 digits": packed(of(CAPTION, b'{"segments": ' + b"9" * 100_000 + b"}")),
    "JSON of 40 MB": packed(of(CAPTION, b"[" + b"[]," * 13_000_000 + b"[]]")),
    "JSON that is a text": packed(of(CAPTION, b'"segments"')),
    "JSON without segments": packed(of(CAPTION, b"{}")),
    "JSON whose segments are a number": packed(of(CAPTION, b'{"segments": 3}')),
    "JSON not in UTF-8": packed(of(CAPTION, b'{"segments": ["\xff"]}')),
    "an empty tar": b"",
    "zeros": bytes(10_240),
    "text": b"no tar at all" * 100,
    "a gzip": b"\x1f\x8b\x08\0" + bytes(600),
    "a sparse member, by its type": head_of(f"{VIDEO}/poses.npz", tarfile.GNUTYPE_SPARSE, 0)[:483] + b"\0" * 29,
    "a sparse member, by its attributes": packed(
        of(f"{VIDEO}/poses.npz", b"x", pax_headers={"GNU.sparse.map": "0,1", "GNU.sparse.size": str(LARGE)})
    ),
    "a member with a negative size": head_of("a", size=-1024) + bytes(1024),
    "an attribute that says a negative size": packed(of("a", b"x", pax_headers={"size": "-1536"})),
    "an attribute that says a large size": packed(of("a", b"x", pax_headers={"size": str(LARGE)})),
    "keypoints of a terabyte that are not there": head_of(f"{VIDEO}/poses.npz", size=LARGE) + bytes(1024),
    "a name of a terabyte": head_of("a", tarfile.GNUTYPE_LONGNAME, LARGE) + bytes(1024),
    "attributes of a terabyte": head_of("a", tarfile.XHDTYPE, LARGE) + bytes(1024),
    "a name of a negative size": head_of("a", tarfile.GNUTYPE_LONGNAME, -512) + bytes(1024),
    "five thousand long names before no member": (head_of("a", tarfile.GNUTYPE_LONGNAME, 1) + bytes(512)) * 5_000,
    "links, a pipe, a device": packed(
        of("l", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        of("h", type=tarfile.LNKTYPE, linkname="../../etc/passwd"),
        of("p", type=tarfile.FIFOTYPE),
        of("d", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
    ),
    "names out of the folder, and hostile ones": packed(
        of("../../x", b"x"), of("/etc/passwd", b"x"), of("\x1b]0;PWNED\x07", b"x"), of("\x1b[31m", type=tarfile.SYMTYPE)
    ),
}


@pytest.fixture(scope="module")
def verified(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], list[str]]:
    """The problems of the export with other bytes as its tar and the right checksum, found in this process."""

    def verify(data: bytes) -> list[str]:
        out = Path(shutil.copytree(pristine, tmp_path_factory.mktemp("hostile") / "out"))
        (out / ONE).write_bytes(data)
        lines = (out / "SHA256SUMS").read_text().splitlines()
        digest = hashlib.sha256(data).hexdigest()
        lines = [f"{digest}  {ONE}" if line.endswith(ONE) else line for line in lines]
        (out / "SHA256SUMS").write_text("\n".join(lines) + "\n")
        return list(verify_export(out))

    return verify


@pytest.mark.parametrize("data", TARS.values(), ids=list(TARS))
def test_a_tar_with_the_right_checksum_and_a_hostile_content_has_problems_in_lines(
    data: bytes, verified: Callable[[bytes], list[str]]
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    # What a terabyte would take fails at once, and a JSON of 40 MB, which would take 1 GB.
    resource.setrlimit(resource.RLIMIT_AS, (used + (700 << 20), limits[1]))
    try:
        found = verified(data)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert found
    assert all("MemoryError" not in line and "\n" not in line for line in found)


def test_deep_json_and_control_characters_are_one_line_in_the_command(out: Path) -> None:
    data = packed(of(CAPTION, b"[" * 100_000), of("\x1b]0;PWNED\x07\x9b", type=tarfile.SYMTYPE, linkname="x"))
    (out / ONE).write_bytes(data)
    text = (out / "SHA256SUMS").read_text().splitlines()
    digest = hashlib.sha256(data).hexdigest()
    (out / "SHA256SUMS").write_text(
        "".join(f"{digest if line.endswith(ONE) else line[:64]}{line[64:]}\n" for line in text)
    )
    found = problems(out)
    assert any("cannot be read: maximum recursion depth" in line for line in found)


def test_states_of_an_unfinished_export_are_not_waited_for_either(pristine: Path, tmp_path: Path, sample: Lake) -> None:
    out = tmp_path / "out"
    out.mkdir()
    os.mkfifo(out / ".export.json")
    os.mkfifo(out / f".{ONE}.done.json")
    shards = plan_shards(chosen_videos(sample, None)[0])
    prepare_folder(out, sample, shards, Spec(), overwrite=True)
    export_shards(sample, shards, out, Spec())
    assert json.dumps(sorted(path.name for path in out.iterdir())) == json.dumps(
        sorted(path.name for path in pristine.iterdir())
    )
