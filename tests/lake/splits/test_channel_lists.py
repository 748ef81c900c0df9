"""Lists of channels as people have them: each row is taken, or counted with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from signverse.lake.model.errors import BadInputError
from signverse.lake.splits.channels import ChannelList, read_channels

WANTED = {"abcdefghijk": ("Deaf TV", None), "-bcdefghijk": ("Gehörlose; heute", None)}


def written(folder: Path, content: str | bytes, name: str = "channels.csv") -> ChannelList:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_channels(folder / name)


@pytest.mark.parametrize(
    "content",
    [
        "abcdefghijk,Deaf TV\n-bcdefghijk,Gehörlose; heute\n",
        'video_id;channel\nabcdefghijk;Deaf TV\n-bcdefghijk;"Gehörlose; heute"\n',
        'sep=;\r\nVideo ID;Channel name\r\nabcdefghijk;Deaf TV\r\n-bcdefghijk;"Gehörlose; heute"\r\n',
        "uploader\tviews\turl\nDeaf TV\t1\thttps://youtu.be/abcdefghijk\nGehörlose; heute\t2\tyoutu.be/-bcdefghijk\n",
        "# of 2025\rvideo_id|channel\rabcdefghijk|Deaf TV\r\r-bcdefghijk|Gehörlose; heute\r",
        '[{"id": "abcdefghijk", "uploader": "Deaf TV"}, {"id": "-bcdefghijk", "uploader": "Gehörlose; heute"}]',
        '{"id": "abcdefghijk", "channel": "Deaf TV"}\n{"id": "-bcdefghijk", "channel": "Gehörlose; heute"}\n',
    ],
)
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_of_channels_may_have_any_form_that_a_manifest_has(tmp_path: Path, content: str, codec: str) -> None:
    assert written(tmp_path, content.encode(codec)).channels == WANTED


def test_what_was_read_and_what_was_not_is_said(tmp_path: Path) -> None:
    text = "# mine\nvideo_id,channel,views\nv0,A,1\nv1,,2\na/b,C,3\nv0,B,4\nv2,C, D,5\n\n"
    found = written(tmp_path, text)
    assert found.channels == {"v0": ("A", None)}
    assert "1 video of 5 rows, 1 comment, 1 blank line; columns not used: views" in found.remarks[0]
    said = "\n".join(found.remarks)
    for words in ("2 rows without a valid video id: line 7, 5", "without a channel skipped: v1", "first is used: v0"):
        assert words in said, words


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('v0,"A\nv1,B\nv2,C,D\n', "line 1: a quote opens"),
        ("video_id,title\nv0,A\n", "names no channel"),
        ("v0,Größe\n".encode("cp1252"), "not a CSV in UTF-8"),
        ("", "is empty"),
    ],
)
def test_what_is_no_list_of_channels_is_refused_in_one_line(tmp_path: Path, content: str | bytes, says: str) -> None:
    with pytest.raises(BadInputError, match=says) as refused:
        written(tmp_path, content)
    assert "\n" not in str(refused.value)
