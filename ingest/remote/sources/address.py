"""What an address stands for: a data set of the hub, a web server's folder, a bucket, or what lies on this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

from signverse.ingest.remote.sources.bucket import BucketSource
from signverse.ingest.remote.sources.http_client import shown_url
from signverse.ingest.remote.sources.http_limits import Limits
from signverse.ingest.remote.sources.hub import REPOSITORY, HubAddress, HubSource, endpoint
from signverse.ingest.remote.sources.local import LocalSource
from signverse.ingest.remote.sources.protocols import AbsentError, SourceError, TarSource, is_plain, is_tar
from signverse.ingest.remote.sources.web_folder import WebSource
from signverse.lake.model.wording import printable

FORMS: Final = (
    "Name a data set of the hub (OWNER/NAME, with @REVISION if not main), https://HOST/FOLDER/, https://HOST/FILE.tar, "
    "s3://BUCKET/FOLDER, or a folder or tar of this machine."
)

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]+):/(?=.)", re.I)
_HUB_HOSTS: Final = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})
_IN_PAGES: Final = ("tree", "blob", "resolve", "raw")
"""What comes before the revision in the addresses of the hub's pages."""

_REVISION: Final = re.compile(r"(refs/(?:pr|convert)/[^/]+|[^/]+)(?:/(.*))?")


def open_source(address: str | Path, *, limits: Limits | None = None, public_only: bool = False) -> TarSource:
    """Opens the source that an address names.

    Args:
        address: OWNER/NAME or OWNER/NAME@REVISION, hf://datasets/OWNER/NAME[@REVISION][/FOLDER] or the address of its
            page; https://HOST/FOLDER/ or https://HOST/FILE.tar; s3://BUCKET/FOLDER; a folder or a tar. What exists on
            this machine is read, even if the hub may have a data set of that name.
        limits: what the source may be asked at a time, and how long it is waited for.
        public_only: connections may lead to public addresses of the internet only; nothing of this machine is read.

    Raises:
        SourceError: there is nothing at the address, it may not be read, or it cannot be reached.
    """
    limits = limits or Limits()
    text = str(address)
    if public_only:
        _refuse_private(text)
    if scheme := _SCHEME.match(text):
        # Path("https://HOST") is https:/HOST.
        return _by_scheme(scheme[1].lower(), text[scheme.end() :].removeprefix("/"), limits, public_only=public_only)
    hub = _short(text)
    if not public_only and (local := _existing(text)) is not None:
        source = LocalSource(local)
        if hub:
            source.remarks.append(
                f"{text} on this machine is read; the hub's data set of that name is hf://datasets/{text}."
            )
        return source
    if hub:
        try:
            return HubSource(hub, limits, public_only=public_only)
        except AbsentError as error:
            raise AbsentError(f"{error.message}; nor is {text} a file or folder of this machine", error.hint) from None
    raise SourceError(f"there is no {_shown(text)}", FORMS)


def _refuse_private(text: str) -> None:
    if (scheme := _SCHEME.match(text)) and scheme[1].lower() in ("file", "s3"):
        why = "Arrow connects to buckets itself" if scheme[1].lower() == "s3" else "it is a file of this machine"
        raise SourceError(f"{_shown(text)} is refused by --public-only: {why}", FORMS)
    if named := [name for name in getproxies() if name != "no"]:
        raise SourceError(
            f"--public-only does not go with the environment's proxy ({', '.join(sorted(named))})",
            "The proxy looks addresses up. Unset it.",
        )


def _by_scheme(scheme: str, rest: str, limits: Limits, *, public_only: bool) -> TarSource:
    if scheme in ("http", "https"):
        url = f"{scheme}://{rest}"
        if hub := _of_page(url):
            return HubSource(hub, limits, public_only=public_only)
        return WebSource(url, limits, public_only=public_only)
    if scheme == "hf":
        return HubSource(_of_hub(rest), limits, public_only=public_only)
    if scheme == "s3":
        return BucketSource(f"s3://{rest}", limits)
    if scheme == "file":
        return LocalSource(Path("/", unquote(rest)))
    raise SourceError(f"addresses that begin with {printable(scheme)}:// cannot be read", FORMS)


def _shown(text: str) -> str:
    """A mistyped address, which may hold a password."""
    return printable(re.sub("//[^/]*@", "//", text))


def _existing(text: str) -> Path | None:
    """The file or folder of this machine that a text names, if there is one."""
    try:
        place = Path(text).expanduser()
        return place if text and place.exists() else None
    except (OSError, ValueError, RuntimeError):
        # Too long, or with a zero byte; or a home of a user who is not there.
        return None


def _short(text: str) -> HubAddress | None:
    """OWNER/NAME or OWNER/NAME@REVISION."""
    name, mark, revision = text.partition("@")
    if not REPOSITORY.fullmatch(name) or is_tar(name) or (mark and not revision):
        return None
    return HubAddress(name, _checked(revision) if mark else "main")


def _of_hub(rest: str) -> HubAddress:
    """datasets/OWNER/NAME[@REVISION][/PATH], after hf://."""
    found = re.fullmatch(r"datasets/([^/@]+/[^/@]+)(?:@([^/].*?))?(/.*)?", rest)
    if not found or not REPOSITORY.fullmatch(found[1]):
        raise SourceError(
            f"{_shown(f'hf://{rest}')} is not the address of a data set",
            "Such as hf://datasets/OWNER/NAME@main/FOLDER.",
        )
    if not rest.partition("@")[1]:
        return _address(found[1], "main", found[3] or "")
    parts = _REVISION.fullmatch(rest.partition("@")[2])
    if not parts:
        raise SourceError(f"{_shown(f'hf://{rest}')} names no revision after the @", FORMS)
    return _address(found[1], unquote(parts[1]), parts[2] or "")


def _of_page(url: str) -> HubAddress | None:
    """A page of a data set of the hub; None for the address of another server."""
    try:
        parts = urlsplit(url)
        host, own = parts.netloc.lower().rpartition("@")[2], urlsplit(endpoint()).netloc.lower()
    except ValueError:
        return None
    if host not in _HUB_HOSTS and not (host == own and parts.path.startswith("/datasets/")):
        return None
    found = re.fullmatch(r"/datasets/([^/@]+/[^/@]+)(?:@([^/]+))?(?:/(\w+)/(.+?))?/?", parts.path)
    if not found or not REPOSITORY.fullmatch(found[1]) or (found[3] and (found[3] not in _IN_PAGES or found[2])):
        raise SourceError(
            f"{shown_url(url)} is not the page of a data set, or of a folder of one",
            f"Such as {shown_url(endpoint())}/datasets/OWNER/NAME.",
        )
    if not found[3]:
        return _address(found[1], unquote(found[2] or "main"), "")
    inside = _REVISION.fullmatch(found[4])
    assert inside
    return _address(found[1], unquote(inside[1]), unquote(inside[2] or ""))


def _address(repository: str, revision: str, path: str) -> HubAddress:
    path = path.strip("/")
    if path and not is_plain(path):
        raise SourceError(f"{printable(path)} cannot be a folder of a data set", FORMS)
    return HubAddress(repository, _checked(revision), path)


def _checked(revision: str) -> str:
    if not revision or not revision.isprintable() or " " in revision or ".." in revision:
        raise SourceError(f"{printable(revision)!r} cannot be a revision", "A branch, a tag, or a commit's number.")
    return revision
