"""Addresses of lakes, options of stores, and files of which parts are here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.lake.model.errors import BadInputError, MistypedError, NotALakeError
from signverse.lake.model.places import SCHEMES
from signverse.lake.storage.stores import blocks, cache_folder, options
from signverse.lake.storage.stores.address import address_of

_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1).filter(
    lambda name: name not in {".", ".."}
)


@given(st.sampled_from(SCHEMES), st.from_regex(r"[a-z0-9][a-z0-9.-]{1,20}", fullmatch=True), st.lists(_NAMES))
def test_an_address_is_read_as_it_is_typed_and_as_a_path_makes_it(scheme: str, bucket: str, names: list[str]) -> None:
    typed = f"{scheme}://{bucket}/{'/'.join(names)}"

    address = address_of(typed)

    assert address is not None
    assert (address.scheme, address.bucket, address.prefix) == (scheme, bucket, "/".join(names))
    assert address_of(Path(typed)) == address == address_of(str(address)) == address_of(f"{typed}/")


@pytest.mark.parametrize("path", ["lake", "/data/lake", "./s3", "C:/lake", "a b/#1", "s3", "lakes/s3:x", "../x"])
def test_a_path_is_no_address(path: str) -> None:
    assert address_of(path) is None


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("who", ["key:very-secret", "very-secret", "a%40b:very-secret", ":very-secret"])
def test_an_address_with_a_password_is_refused_and_not_shown(scheme: str, who: str) -> None:
    with pytest.raises(NotALakeError, match="password") as refused:
        address_of(f"{scheme}://{who}@bucket/lake")

    assert "very-secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://x/y", "ftp://x/y", "hf://datasets/a/b", "s3:///x", "s3://b/../x", "gs://-b/x"])
def test_an_address_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(NotALakeError):
        address_of(url)


@pytest.mark.parametrize("key", ["aws_region", "AWS_REGION", "Azure_Storage_Account_Name", "google_skip_signature"])
def test_an_option_is_in_the_environment_afterwards(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(key.upper(), "before")

    options.take_options([f"{key}=a=b"])

    assert os.environ[key.upper()] == "a=b"


@pytest.mark.parametrize("key", sorted(options._KNOWN))
def test_a_misspelt_option_is_refused_with_the_nearest_one(key: str) -> None:
    """Whatever the slip: a letter lost, doubled, exchanged, a dash for an underscore."""
    for slip in (key[:-1], key + key[-1], key[:4] + key[5] + key[4] + key[6:], key.replace("_", "-"), key.lower()[:-2]):
        if slip.upper() in options._KNOWN:
            continue
        with pytest.raises(MistypedError, match="Did you mean") as refused:
            options.take_options([f"{slip}=very-secret"])
        assert "very-secret" not in str(refused.value)


@pytest.mark.parametrize("given", ["very-secret", "=very-secret", "AWS_REGION", "AWS_REGION=a\0b", ""])
def test_what_is_not_key_and_value_is_refused_and_not_shown(given: str) -> None:
    with pytest.raises(MistypedError) as refused:
        options.take_options([given])

    assert "very-secret" not in str(refused.value)


@given(
    size=st.integers(0, 300_000),
    spans=st.lists(st.tuples(st.integers(0, 300_000), st.integers(0, 90_000)), max_size=6),
)
def test_whatever_is_asked_for_is_here_afterwards_and_fetched_once(
    size: int, spans: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("blocks")
    whole = bytes(i * 37 % 251 for i in range(size))
    path, note = folder / "file", blocks.note_of(folder / "notes", "file")
    blocks.make(path, size, 1_000_000_000)
    fetched: list[tuple[int, int]] = []

    def read(ranges: list[tuple[int, int]]) -> list[bytes]:
        fetched.extend(ranges)
        return [whole[start : start + length] for start, length in ranges]

    for span in [*spans, *spans]:
        blocks.fetch(path, note, [span], read)
        start, length = span
        assert path.read_bytes()[start : start + length] == whole[start : start + length]

    assert path.stat().st_size == size
    assert path.stat().st_mtime_ns == 1_000_000_000
    again: list[tuple[int, int]] = []
    blocks.fetch(path, note, spans, lambda ranges: again.extend(ranges) or [])
    assert not again
    assert all(start + length <= size for start, length in fetched)


def test_the_cache_is_bounded_and_keeps_what_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNVERSE_CACHE", str(tmp_path))
    monkeypatch.setenv("SIGNVERSE_CACHE_SIZE", "300kB")
    old, mine = tmp_path / "old", tmp_path / "mine"
    files = [old / "captions" / "a", mine / "captions" / "b", mine / "keypoints" / "c", mine / "keypoints" / "d"]
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(range(1, 201)) * 1000)

    monkeypatch.setattr(cache_folder, "_IN_USE_S", -60.0)
    cache_folder.make_room(mine)

    assert (mine / "captions" / "b").exists(), "of the lake that is opened only keypoints go"
    assert not old.exists()
    assert not any(path.exists() for path in (mine / "keypoints").iterdir())

    for path in files[2:]:
        path.write_bytes(bytes(range(1, 201)) * 1000)
    monkeypatch.setattr(cache_folder, "_IN_USE_S", 3600.0)
    cache_folder.make_room(mine)
    assert all(path.exists() for path in files[2:]), "another process may be reading them"


def test_a_bound_that_is_no_size_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNVERSE_CACHE", str(tmp_path))
    monkeypatch.setenv("SIGNVERSE_CACHE_SIZE", "much")
    with pytest.raises(BadInputError, match="SIGNVERSE_CACHE_SIZE"):
        cache_folder.make_room(tmp_path)
