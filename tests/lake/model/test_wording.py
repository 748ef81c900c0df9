"""What people read in messages, and the sizes that they write."""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.wording import as_argument, byte_size, counted, lasting, some


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500MB", 500_000_000),
        ("2GB", 2_000_000_000),
        ("1.5TB", 1_500_000_000_000),
        ("1.5 TiB", 1_649_267_441_664),
        ("64k", 64_000),
        ("64K", 64_000),
        ("64KiB", 65_536),
        (" 700 ", 700),
        ("700B", 700),
        ("1", 1),
        ("0.5kB", 500),
    ],
)
def test_a_size_is_read_as_people_write_it(text: str, size: int) -> None:
    assert byte_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "GB",
        "-1GB",
        "2XB",
        "2GBs",
        "1,5GB",
        "1e9",
        "nan",
        "inf",
        ".5GB",
        "2 G B",
        "two",
        "0",
        "0GB",
        "0.4",
        "2GB\n3",
    ],
)
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadInputError, match="is not a size") as refused:
        byte_size(text)
    assert "500MB" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["9" * 400, "9" * 400 + "TB", "9" * 100_000 + "GB"])
def test_a_size_beyond_all_numbers_is_refused_in_a_short_line(text: str) -> None:
    with pytest.raises(BadInputError, match="is not a size") as refused:
        byte_size(text)
    assert len(str(refused.value)) < 200


@given(st.text(max_size=20))
def test_whatever_is_written_is_a_size_of_a_byte_or_more_or_refused(text: str) -> None:
    with suppress(BadInputError):
        assert byte_size(text) >= 1


@given(st.integers(1, 10**15 - 1))
def test_a_number_of_bytes_is_itself(number: int) -> None:
    assert byte_size(str(number)) == number


def test_one_is_singular_and_thousands_are_grouped() -> None:
    assert [counted(n, "video") for n in (0, 1, 2, 1200)] == ["0 videos", "1 video", "2 videos", "1,200 videos"]


def test_a_long_list_is_cut_and_says_how_much_is_missing() -> None:
    assert some([]) == ""
    assert some(["a", "b", "c"]) == "a, b, c"
    assert some([str(i) for i in range(1203)]) == "0, 1, 2 and 1,200 more"


def test_a_duration_has_the_unit_that_suits_it() -> None:
    assert [lasting(s) for s in (0.0035, 0.5, 14, 119, 750, 11_520, 36_000_000)] == [
        "less than 0.1 s",
        "0.5 s", "14 s", "119 s", "12.5 min", "3.2 hours", "10,000.0 hours",
    ]  # fmt: skip


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1), max_size=3))
def test_a_path_in_a_command_names_the_same_place_and_is_no_option(names: list[str]) -> None:
    for path in (Path.cwd().joinpath(*names), Path("/somewhere", "else", *names)):
        (typed,) = shlex.split(as_argument(path))
        assert Path(typed).absolute() == path.absolute()
        assert not typed.startswith("-")
        assert Path(typed).is_absolute() == (path.parts[1] == "somewhere")


@pytest.mark.parametrize("address", ["s3://bucket/corpus", "gs://b/a/c", "az://box/x"])
def test_an_address_in_a_command_is_written_as_it_was_typed(address: str) -> None:
    assert as_argument(Path(address)) == address
    assert as_argument(Path(f"{address}/a b")) == f"'{address}/a b'"
