"""The columns that people have in their lists, addresses in the place of ids, and what a spreadsheet does to ids."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.manifest import Manifest, read_manifest
from signverse.lake.lists.addresses import id_of_address, why_not_youtube
from signverse.lake.model.errors import BadInputError


def written(folder: Path, content: str, name: str = "list.csv") -> Manifest:
    (folder / name).write_text(content, encoding="utf-8")
    return read_manifest(folder / name)


def languages(manifest: Manifest) -> dict[str, str]:
    return {video_id: entry.sign_language for video_id, entry in manifest.entries.items()}


@pytest.mark.parametrize(
    "header",
    [
        "video_id,language,sign_language",
        "id,spoken_language,signed_language",
        "youtube_id,lang,Sign Language",
        "YouTube ID,Language (spoken),sign-language",
        "vid,label,sign_lang",
        "ytid,language,SignLanguage",
        "Video ID,language,sign_language_code",
    ],
)
def test_of_two_columns_of_languages_the_one_of_the_sign_language_is_taken(tmp_path: Path, header: str) -> None:
    manifest = written(tmp_path, f"{header}\nabcdefghijk,de,gsg\n-bcdefghijk,en,ase\n")
    assert languages(manifest) == {"abcdefghijk": "gsg", "-bcdefghijk": "ase"}
    assert f"columns not used: {header.split(',')[1]}" in manifest.summary
    assert manifest.remarks == []


def test_the_spoken_language_alone_tells_no_sign_language_and_that_is_said(tmp_path: Path) -> None:
    manifest = written(tmp_path, "video_id,spoken_language\nabcdefghijk,de\n")
    assert languages(manifest) == {"abcdefghijk": "und"}
    assert [line.partition(": ")[2] for line in manifest.remarks] == [
        "no column tells the sign language, every video is taken as und"
    ]


def test_an_empty_column_of_languages_is_said(tmp_path: Path) -> None:
    manifest = written(tmp_path, "video_id,Language\nabcdefghijk,\n-bcdefghijk,\n")
    assert "Language does not tell the sign language" in manifest.remarks[0]


def test_a_column_without_a_name_in_the_header_is_told_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "videos.csv"
    path.write_text("videou.be/abcdefghijk\n\nbbbbbbbbbbb;Britiabcdefghijk\nbbbbbbbbbbb\n")
    manifest = read_manifest(path)
    assert any("column 2 does not tell the sign language" in remark for remark in manifest.remarks)


def test_the_more_exact_name_of_an_id_is_taken(tmp_path: Path) -> None:
    manifest = written(tmp_path, "id,video_id,sign_language\n1,abcdefghijk,ase\n2,-bcdefghijk,bfi\n")
    assert languages(manifest) == {"abcdefghijk": "ase", "-bcdefghijk": "bfi"}


@pytest.mark.parametrize("first", ["clip,signes", "nom de la vidéo,langage", "Kürzel,Zeichen"])
def test_a_first_row_of_names_that_are_not_known_is_no_video_and_is_said(tmp_path: Path, first: str) -> None:
    manifest = written(tmp_path, f"{first}\nabcdefghijk,ase\n-bcdefghijk,bfi\n")
    assert languages(manifest) == {"abcdefghijk": "ase", "-bcdefghijk": "bfi"}
    (remark,) = manifest.remarks
    assert "line 1 seems to name the columns" in remark
    assert first.split(",")[0] in remark


@pytest.mark.parametrize(
    "header",
    [
        *("Video-ID;Gebärdensprache", "Video;Sprache", "Identifiant;Langue des signes", "identifiant vidéo;langue"),
        *("id de vídeo;lengua de señas", "enlace;idioma", "ID video;Lingua dei segni", "动画ID;手话", "動画ID;手話"),
        *(
            "Kürzel;Gebärdensprache",
            "\uff36ideo_id;language",
            "Vidéo;Langue".replace("é", "e\u0301"),
        ),
    ],
)
def test_a_header_in_another_language_or_form_is_no_video(tmp_path: Path, header: str) -> None:
    manifest = written(tmp_path, f"{header}\ndQw4w9WgXcQ;ase\n-bcdefghijk;bfi\n")
    assert languages(manifest) == {"dQw4w9WgXcQ": "ase", "-bcdefghijk": "bfi"}


@pytest.mark.parametrize("above", ["Table 1,,\n", "Signers of 2024\n\n", "Table 1\nmade by me\n"])
def test_titles_above_the_header_are_no_videos_and_are_said(tmp_path: Path, above: str) -> None:
    """Numbers writes the name of the table first."""
    manifest = written(tmp_path, f"{above}video_id,sign_language,views\nabcdefghijk,ase,1\n-bcdefghijk,bfi,2\n")
    assert languages(manifest) == {"abcdefghijk": "ase", "-bcdefghijk": "bfi"}
    assert f"above the header, not used: {above.split(',')[0].split(chr(10))[0]}" in manifest.remarks[0]


def test_an_id_above_the_header_is_not_taken_for_a_title(tmp_path: Path) -> None:
    assert "dQw4w9WgXcQ" in written(tmp_path, "dQw4w9WgXcQ\nvideo_id,sign_language\nabcdefghijk,ase\n").entries


@pytest.mark.parametrize("quote", ['"', ""])
def test_row_numbers_as_r_writes_them_are_no_column_of_the_header(tmp_path: Path, quote: str) -> None:
    rows = "".join(
        f"{quote}{number}{quote}\t{quote}{video_id}{quote}\tase\n"
        for number, video_id in enumerate(("abcdefghijk", "-bcdefghijk"), 1)
    )
    manifest = written(tmp_path, f"video_id\tsign_language\n{rows}")
    assert languages(manifest) == {"abcdefghijk": "ase", "-bcdefghijk": "ase"}
    assert "each row has a number in front" in manifest.remarks[0]


def test_two_columns_of_one_name_and_rows_without_a_language_are_said(tmp_path: Path) -> None:
    manifest = written(tmp_path, "id,id,sign_language\nabcdefghijk,1,ase\n-bcdefghijk,2,\n")
    assert "several columns are called id: the first is used" in manifest.remarks[0]
    assert manifest.remarks[1].endswith("1 video without a sign language, as und: -bcdefghijk")


def test_a_first_row_with_an_id_of_ones_own_is_a_video(tmp_path: Path) -> None:
    assert len(written(tmp_path, "hello,ase\nabcdefghijk,ase\n").entries) == 2
    assert len(written(tmp_path, "hello,ase\nworld,bfi\n").entries) == 2


def test_a_column_of_glosses_named_label_is_not_looked_up_for_hours(tmp_path: Path) -> None:
    rows = "".join(f"clip_{number},GLOSS{number}\n" for number in range(3000))
    manifest = written(tmp_path, f"video_id,label\n{rows}")
    assert set(languages(manifest).values()) == {"und"}
    assert len(manifest.remarks) == 6
    assert "2,995 more languages are not known" in manifest.remarks[-1]


def test_a_gloss_table_of_several_rows_a_video_says_what_is_repeated(tmp_path: Path) -> None:
    manifest = written(
        tmp_path, "Gloss\tVideo file\tParticipant ID\nBOOK\ta1.mp4\tP1\nREAD\ta1.mp4\tP1\nRUN\ta2.mp4\tP2\n"
    )
    assert list(manifest.entries) == ["a1", "a2"]
    assert manifest.repeated == 1
    assert "columns not used: Gloss, Participant ID" in manifest.summary


YOUTUBE = (
    "https://www.youtube.com/watch?v=ID",
    "http://youtube.com/watch?list=PL123&v=ID&t=10s",
    "https://m.youtube.com/watch?v=ID&amp;feature=share",
    "https://www.youtube.com/watch?feature=share&amp;v=ID",
    "youtube.com/watch?v=ID",
    "www.youtube.com/shorts/ID?si=abc",
    "https://youtu.be/ID?t=5",
    "youtu.be/ID",
    "//youtu.be/ID",
    "https://www.youtube.com/embed/ID?rel=0",
    "https://www.youtube-nocookie.com/embed/ID",
    "https://www.youtube.com/live/ID",
    "https://music.youtube.com/watch?v=ID",
    "https://www.youtube.com/v/ID",
    "HTTPS://WWW.YOUTUBE.COM/watch?v=ID",
    "https://www.youtube.com/watch?v=ID.",
    "https://www.youtube.com/watch/ID",
    "https://www.youtube.com/shorts/ID/",
)


@given(st.from_regex(r"[A-Za-z0-9_-]{11}", fullmatch=True), st.sampled_from(YOUTUBE))
def test_every_address_of_a_video_of_youtubes_has_its_id(video_id: str, address: str) -> None:
    if video_id != "videoseries":
        assert id_of_address(address.replace("ID", video_id)) == video_id


@pytest.mark.parametrize(
    ("address", "video_id"),
    [
        ("https://vimeo.com/123456789", "123456789"),
        ("https://vimeo.com/123456789/abcdef0123", "123456789"),
        ("https://player.vimeo.com/video/123456789?h=ab", "123456789"),
        ("https://www.dailymotion.com/video/x8abcd1", "x8abcd1"),
        ("https://www.tiktok.com/@deaf.tv/video/7123456789012345678", "7123456789012345678"),
        ("https://www.bilibili.com/video/BV1xx411c7mD/?p=1", "BV1xx411c7mD"),
        ("https://www.facebook.com/watch/?v=1234567890", "1234567890"),
        ("https://www.instagram.com/reel/Cabc_123/", "Cabc_123"),
        ("https://x.com/deaf/status/1234567890/video/1", "1234567890"),
        ("https://example.org/signs/a%20b.mp4?token=1", "a b"),
        ("https://example.org/Title [abcdefghijk].webm", "abcdefghijk"),
        ("https://example.org/watch.php?id=77", "77"),
        ("https://example.org/clips/hello", "hello"),
    ],
)
def test_the_address_of_another_site_has_an_id_too(address: str, video_id: str) -> None:
    assert id_of_address(address) == video_id


@pytest.mark.parametrize(
    "address",
    [
        "https://www.youtube.com/@DeafTV",
        "https://www.youtube.com/channel/UC1234567890123456789012",
        "https://www.youtube.com/playlist?list=PL1234",
        "https://www.youtube.com/embed/videoseries?list=PL1234",
        "https://www.youtube.com/c/DeafTV/videos",
    ],
)
def test_a_channel_or_a_playlist_is_not_a_video_and_what_to_do_is_said(tmp_path: Path, address: str) -> None:
    manifest = written(tmp_path, f"url,sign_language\n{address},ase\nhttps://youtu.be/abcdefghijk,ase\n")
    assert list(manifest.entries) == ["abcdefghijk"]
    ((_, why),) = manifest.refused
    assert "line 2: youtube.com/" in why
    assert "yt-dlp --flat-playlist -j" in why


@pytest.mark.parametrize("address", ["https://", "https://www.youtube.com/", "https://youtu.be/", "http://[x/a"])
def test_an_address_of_nothing_is_refused(address: str) -> None:
    with pytest.raises(BadInputError):
        id_of_address(address)


def test_a_list_of_addresses_needs_no_header_and_no_column_of_ids(tmp_path: Path) -> None:
    text = (
        "https://www.youtube.com/watch?v=abcdefghijk\nhttps://youtu.be/-bcdefghijk?t=3\nhttps://vimeo.com/123456789\n"
    )
    manifest = written(tmp_path, text, "list.txt")
    assert {key: entry.url for key, entry in manifest.entries.items()} == dict(
        zip(("abcdefghijk", "-bcdefghijk", "123456789"), text.split(), strict=True)
    )
    assert "3 ids from addresses" in manifest.summary
    assert list(written(tmp_path, f"id,sign_language\n{text.split()[0]},ase\n").entries) == ["abcdefghijk"]


def test_two_files_of_one_name_at_two_addresses_are_not_one_video(tmp_path: Path) -> None:
    manifest = written(tmp_path, "url\nhttps://a.org/x/video.mp4\nhttps://a.org/y/video.mp4\n")
    assert [entry.url for entry in manifest.entries.values()] == ["https://a.org/x/video.mp4"]
    ((_, why),) = manifest.refused
    assert "line 3: its id video is that of line 2, which has another address" in why
    same = written(tmp_path, "url\nhttps://youtu.be/abcdefghijk\nhttps://www.youtube.com/watch?v=abcdefghijk\n")
    assert (len(same.entries), same.repeated, same.refused) == (1, 1, [])


def test_an_id_and_the_address_of_another_video_are_told_apart(tmp_path: Path) -> None:
    text = "video_id,url\nabcdefghijk,https://youtu.be/bbcdefghijk\nclip_1,https://youtu.be/cbcdefghijk\n"
    manifest = written(tmp_path, text)
    assert list(manifest.entries) == ["abcdefghijk", "clip_1"]
    assert "1 id with the address of another video of YouTube's, both are kept: abcdefghijk" in manifest.remarks[0]


@pytest.mark.parametrize(
    ("cell", "video_id"),
    [
        ("A title [abcdefghijk].mp4", "abcdefghijk"),
        ("A title, of words [-bcdefghijk].en.vtt", "-bcdefghijk"),
        ("A title [abcdefghijk]", "abcdefghijk"),
        ("clip_001.mp4", "clip_001"),
        ("videos/2025/clip_001.MOV", "clip_001"),
        ("C:\\videos\\clip_001.mkv", "clip_001"),
        ("Lecture [1080p].mp4", "Lecture [1080p]"),
    ],
)
@pytest.mark.parametrize("column", ["video_id", "file", "Filename", "path"])
def test_the_id_in_the_name_of_a_file(tmp_path: Path, cell: str, video_id: str, column: str) -> None:
    manifest = written(tmp_path, f'{column},sign_language\n"{cell}",ase\n')
    assert languages(manifest) == {video_id: "ase"}
    assert "1 id from file names" in manifest.summary


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("1.23457E+10", "a spreadsheet has shortened"),
        ("5,6e12", "a spreadsheet has shortened"),
        ("'-bcdefghijk", "mark ' in front"),
        ("=-abcdefghi", "mark = in front"),
        ("+bcdefghijk", "mark + in front"),
        ("abcdefghij", "10 characters, not 11"),
        ("abcdefghijkl", "12 characters, not 11"),
        ("abcdefghij.", "characters that YouTube's ids do not have"),
        ("a bcdefghij", "a text with blanks"),
        ("-bcdefghij", "10 characters, not 11"),
    ],
)
def test_an_id_that_youtube_cannot_have_is_named_with_its_line(tmp_path: Path, cell: str, why: str) -> None:
    manifest = written(tmp_path, f'video_id,sign_language\nabcdefghijk,ase\n"{cell}",ase\n')
    (line,) = manifest.not_youtube()
    assert "list.csv line 3: " in line
    assert why in line
    (tmp_path / "with_url.csv").write_text(f'video_id;url\n"{cell}";https://example.org/a.mp4\n')
    assert read_manifest(tmp_path / "with_url.csv").not_youtube() == []


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=14))
def test_only_11_of_its_64_characters_can_be_an_id_of_youtubes(text: str) -> None:
    letters = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert (why_not_youtube(text) is None) == (len(text) == 11 and set(text) <= letters)
