"""Tars come in as the standard library reads them; what is wrong with one costs no more than what lies behind it."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.shards.tar_files import videos_in
from signverse.ingest.shards.untrusted.tar_reader import Tar
from signverse.lake.model.errors import BadInputError

FORMATS = {"GNU": tarfile.GNU_FORMAT, "PAX": tarfile.PAX_FORMAT, "USTAR": tarfile.USTAR_FORMAT}


def info(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = len(content), kind, target
    return member


def header(name: bytes, size: bytes, kind: bytes = b"0", magic: bytes = b"ustar\x0000") -> bytes:
    """A header written by hand, with a right checksum."""
    raw = bytearray(512)
    raw[: len(name)] = name
    raw[124 : 124 + len(size)] = size
    raw[156:157] = kind
    raw[257 : 257 + len(magic)] = magic
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


def file(name: bytes, content: bytes, kind: bytes = b"0") -> bytes:
    return header(name, b"%011o\0" % len(content), kind) + padded(content)


END = bytes(1024)


def packed(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as tar:
        for member, content in members:
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def plain(**files: bytes) -> bytes:
    return packed(*((info(name.replace("__", "/"), content), content) for name, content in files.items()))


Read = tuple[list[tuple[str, bytes]], list[tuple[str, str]], str]


def read(data: bytes) -> Read:
    """The files of a tar with their content, what was passed over, and the damage."""
    with tempfile.NamedTemporaryFile(suffix=".tar") as place:
        place.write(data)
        place.flush()
        with Tar(Path(place.name)) as tar:
            found = [(member.name, tar.read(member.start, member.size, member.name)) for member in tar.members()]
            return found, tar.passed_over, tar.damage


def by_the_library(data: bytes) -> list[tuple[str, bytes]]:
    found = []
    with tarfile.open(fileobj=io.BytesIO(data), encoding="utf-8", errors="surrogateescape") as tar:
        for member in tar:
            if member.isreg() and not member.issparse():
                taken = tar.extractfile(member)
                assert taken is not None
                found.append((member.name, taken.read()))
    return found


# What others wrote rightly

names = st.one_of(
    st.text("abc./-_ 'é語🤟", min_size=1, max_size=30),
    st.integers(1, 300).map(lambda size: "folder/" + "n" * size),
    st.integers(1, 200).map(lambda size: "/".join(["ö" * 9] * (size // 10 + 1))),
).filter(lambda name: name.strip("/") == name)
kinds = st.sampled_from([b"0"] * 6 + [tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(names, st.binary(max_size=1200), kinds, names), min_size=1, max_size=6),
    st.sampled_from(sorted(FORMATS)),
)
def test_plain_files_are_those_that_the_standard_library_finds(members: list[Any], form: str) -> None:
    written = []
    for name, content, kind, target in members:
        one = info(name, content if kind == b"0" else b"", kind, target if kind in (b"1", b"2") else "")
        try:
            one.tobuf(FORMATS[form], "utf-8", "surrogateescape")
        except ValueError:  # USTAR has no room for the longest names.
            continue
        written.append((one, content if kind == b"0" else b""))
    if not written:
        return
    data = packed(*written, form=FORMATS[form])
    found, passed, damage = read(data)
    assert found == by_the_library(data)
    assert damage == ""
    others = [one for one, _ in written if one.type not in (b"0", tarfile.DIRTYPE)]
    assert [name for name, _ in passed] == [one.name for one in others]


def test_a_tar_without_the_blocks_at_its_end_may_be_cut_and_is_told() -> None:
    found, _, damage = read(file(b"a/x", b"one") + file(b"a/y", b"two"))
    assert found == [("a/x", b"one"), ("a/y", b"two")]
    assert damage.endswith("has no end mark: it may be cut short")
    # Also where the padding of the last file is gone.
    assert read(file(b"a/x", b"one")[: 512 + 3])[0] == [("a/x", b"one")]


def test_links_devices_and_pipes_are_passed_over_and_told_by_their_names() -> None:
    data = packed(
        (info("v/soft", kind=tarfile.SYMTYPE, target="/etc/passwd"), b""),
        (info("v/" + "h" * 200, kind=tarfile.LNKTYPE, target="t" * 200), b""),
        (info("v/disk", kind=tarfile.BLKTYPE), b""),
        (info("v/good", b"yes"), b"yes"),
    )
    assert read(data) == (
        [("v/good", b"yes")],
        [("v/soft", "symbolic link"), ("v/" + "h" * 200, "hard link"), ("v/disk", "special file")],
        "",
    )


@pytest.mark.parametrize("kind", [b"1", b"2", b"3", b"4", b"5", b"6"])
def test_a_link_that_claims_a_size_hides_nothing_and_brings_nothing(kind: bytes) -> None:
    # Only plain files have bytes; who skips those that a link claims reads other members than everybody else.
    data = header(b"v/link", b"%011o\0" % 1024, kind) + file(b"v/x", b"honest") + END
    assert read(data)[0] == by_the_library(data) == [("v/x", b"honest")]


def test_names_of_a_link_that_follow_its_own_name_do_not_replace_it() -> None:
    # tarfile writes the target first, other writers the name.
    data = file(b"././@LongLink", b"v/" + b"n" * 200 + b"\0", b"L") + file(b"././@LongLink", b"t" * 200 + b"\0", b"K")
    data += header(b"v/nnn", b"0" * 11, b"2") + file(b"v/x", b"1") + END
    assert read(data) == ([("v/x", b"1")], [("v/" + "n" * 200, "symbolic link")], "")


@pytest.mark.parametrize("form", ["gnu", "posix"])
@pytest.mark.parametrize("holes", [1, 30])
def test_sparse_files_are_passed_over_and_the_files_behind_them_read(tmp_path: Path, form: str, holes: int) -> None:
    gnu = shutil.which("tar")
    if gnu is None or "GNU" not in subprocess.run([gnu, "--version"], capture_output=True, text=True).stdout:
        pytest.skip("GNU tar is not here")
    (tmp_path / "v").mkdir()
    with (tmp_path / "v" / "poses.npz").open("wb") as out:
        for hole in range(holes):
            out.seek(hole * 2**20)
            out.write(b"data" * 1024)
        out.truncate((holes + 1) * 2**20)
    (tmp_path / "v" / "z").write_bytes(b"behind")
    subprocess.run(
        [gnu, "-S", f"--format={form}", "-cf", "a.tar", "v/poses.npz", "v/z"], cwd=tmp_path, check=True
    )  # fmt: skip
    data = (tmp_path / "a.tar").read_bytes()
    if len(data) > 2**20:
        pytest.skip("this file system has no holes")
    assert read(data) == ([("v/z", b"behind")], [("v/poses.npz", "sparse file")], "")


def test_a_size_in_a_pax_header_counts_over_that_of_the_header() -> None:
    # How files above 8 GB are written; a header's twelve bytes hold no more.
    big = b"x" * 700
    pax = b"15 path=v/name\n" + b"12 size=700\n"
    data = file(b"pax", pax, b"x") + header(b"v/short", b"0" * 11) + padded(big) + file(b"v/z", b"behind") + END
    assert read(data)[0] == by_the_library(data) == [("v/name", big), ("v/z", b"behind")]


def test_sizes_in_base_256_are_read() -> None:
    size = b"\x80" + (700).to_bytes(11, "big")
    data = header(b"v/x", size) + padded(b"x" * 700) + file(b"v/y", b"1") + END
    assert read(data)[0] == by_the_library(data) == [("v/x", b"x" * 700), ("v/y", b"1")]


# What others wrote wrongly, or with intent


@pytest.mark.parametrize(
    "size",
    [
        b"\x80" + (2**40).to_bytes(11, "big"),
        b"\x80" + b"\xff" * 11,
        b"\xff" * 12,  # -1
        b"\xff" + b"\0" * 11,
        b"77777777777\0",
        b"-0000000001\0",
        b"0000000009x\0",
    ],
    ids=["a terabyte", "the largest", "minus one", "minus much", "8 GB", "a sign", "no digits"],
)
def test_a_size_that_cannot_be_ends_the_reading_and_is_told(size: bytes) -> None:
    found, _, damage = read(file(b"v/x", b"1") + header(b"w/liar", size) + file(b"z/y", b"2") + END)
    assert found == [("v/x", b"1")]
    assert "w/liar" in damage
    assert "\n" not in damage


@pytest.mark.parametrize("lie", [0, 511, 1500])
def test_a_size_that_lies_costs_what_lies_behind_and_nothing_else(lie: int) -> None:
    data = file(b"v/x", b"1") + header(b"w/liar", b"%011o\0" % lie) + b"\x07" * 1024 + file(b"z/y", b"2") + END
    found, _, damage = read(data)
    assert found[0] == ("v/x", b"1")
    assert all(name in {"v/x", "w/liar", "z/y"} for name, _ in found)
    assert damage


def test_a_hole_of_zeros_in_the_middle_is_told() -> None:
    # What a download leaves that was cut off and had its room set aside; the library stops here as if all were well.
    data = file(b"v/x", b"1") + bytes(1024) + file(b"w/y", b"2") + END
    found, _, damage = read(data)
    assert found == by_the_library(data) == [("v/x", b"1")]
    assert "byte 1,024" in damage


def test_the_zeros_at_the_end_may_be_many() -> None:
    for many in (512, 1024, 10240, 2**20):
        assert read(file(b"v/x", b"1") + bytes(many)) == ([("v/x", b"1")], [], "")


@pytest.mark.parametrize("data", [b"", b"x", b"\0", b"\x1f" + b"x" * 3000, b"PK" + bytes(3000)])
def test_what_is_no_tar_is_refused_in_a_line_with_its_name(data: bytes) -> None:
    with pytest.raises(BadInputError, match=r"\.tar is damaged or not a tar at byte 0") as refused:
        read(data)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("size", [512, 10240])
def test_a_tar_of_zeros_such_as_a_download_begins_with_is_refused(size: int) -> None:
    with pytest.raises(BadInputError, match="it holds no file"):
        read(bytes(size))


def test_a_folder_or_what_is_not_there_is_refused_in_a_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.tar"):
        with pytest.raises(BadInputError, match=r"cannot be read|is a folder"):
            Tar(path)


@pytest.mark.parametrize("form", ["GNU", "PAX"])
@pytest.mark.parametrize("size", [10_000, 100_000])
def test_a_name_of_any_length_costs_only_its_own_file(form: str, size: int) -> None:
    data = packed((info("v/" + "n" * size, b"1"), b"1"), (info("w/y", b"2"), b"2"), form=FORMATS[form])
    found, _, damage = read(data)
    assert damage == ""
    assert found[-1] == ("w/y", b"2")
    assert all(len(name) <= 4096 for name, _ in found)


def test_names_that_are_not_utf_8_are_read_and_make_no_video() -> None:
    data = file(b"caf\xe9/poses.npz", b"1") + file(b"good/poses.npz", b"2") + file(b"x/\xff.vtt", b"3") + END
    assert read(data)[0] == by_the_library(data)
    with tempfile.NamedTemporaryFile(suffix=".tar") as place:
        place.write(data)
        place.flush()
        with Tar(Path(place.name)) as tar:
            videos, refused = videos_in(tar)
    assert list(videos) == ["good", "x"]
    assert list(refused) == ["caf\\udce9"]


def test_a_file_that_comes_twice_makes_its_video_untrustworthy() -> None:
    data = plain(v__a=b"1") [:1024] + plain(v__a=b"2", w__a=b"3")  # fmt: skip
    with tempfile.NamedTemporaryFile(suffix=".tar") as place:
        place.write(data)
        place.flush()
        with Tar(Path(place.name)) as tar:
            _, refused = videos_in(tar)
    assert refused == {"v": "v/a comes twice"}


LONG = "w/" + "ö" * 80
WHOLES = {
    "GNU": packed(
        *((info(name, content), content) for name, content in [("v/a", b"1" * 600), (LONG, b""), ("x/c", b"3")]),
        (info("x/link", kind=tarfile.SYMTYPE, target="t" * 150), b""),
        (info("y/d", b"4" * 1500), b"4" * 1500),
    ),
    "PAX": packed((info(LONG, b"5"), b"5"), (info("y/d", b"4" * 900), b"4" * 900), form=tarfile.PAX_FORMAT),
}
WHOLE = WHOLES["GNU"]


def borders(data: bytes) -> set[int]:
    """Where members end, their padding left out or not."""
    found = set()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            end = member.offset_data + (member.size if member.isreg() else 0)
            found |= set(range(end, -(-end // 512) * 512 + 1))
    return found


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(sorted(WHOLES)))
def test_of_a_tar_cut_anywhere_the_files_before_the_cut_are_read_and_the_damage_told(draw: Any, form: str) -> None:
    whole = WHOLES[form]
    cut = draw.draw(st.integers(0, len(whole.rstrip(b"\0")) - 1) | st.sampled_from(sorted(borders(whole))))
    everything = read(whole)[0]
    try:
        found, _, damage = read(whole[:cut])
    except BadInputError as error:
        assert "\n" not in str(error)
        # Nothing was whole yet.
        assert cut < min(borders(whole))
        return
    assert found == everything[: len(found)]
    # A cut between two members is told by the end mark that is missing.
    assert damage
    assert "\n" not in damage


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=5))
def test_changed_bytes_anywhere_raise_nothing_but_a_line(changes: list[tuple[int, int]]) -> None:
    data = bytearray(WHOLE)
    for at, value in changes:
        data[at] = value
    try:
        found, _, damage = read(bytes(data))
    except BadInputError as error:
        assert "\n" not in str(error)
        return
    assert "\n" not in damage
    assert len(found) <= 6


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.binary(max_size=100),
            st.binary(max_size=12) | st.integers(0, 3000).map(lambda size: b"%011o\0" % size),
            st.sampled_from(b"0\0001234567LKxgSVMDX").map(lambda kind: bytes([kind])),
            st.sampled_from([b"ustar\x0000", b"ustar  \0", b""]),
            st.binary(max_size=600),
        ),
        max_size=5,
    )
)
def test_headers_with_a_right_checksum_and_anything_in_them_raise_nothing_but_a_line(members: list[Any]) -> None:
    data = b"".join(
        header(name, size, kind, magic) + padded(content) for name, size, kind, magic, content in members
    )  # fmt: skip
    try:
        _, _, damage = read(data + END)
    except BadInputError as error:
        assert "\n" not in str(error)
        return
    assert "\n" not in damage
