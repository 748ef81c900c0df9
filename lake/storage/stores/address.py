"""Addresses of lakes in object stores: s3://BUCKET/PATH, gs://BUCKET/PATH and az://CONTAINER/PATH."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signverse.lake.model.errors import NotALakeError
from signverse.lake.model.places import SCHEMES

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(/+)(.*)", re.S)
"""A Path makes s3:/bucket of s3://bucket. Schemes have two letters or more: C:/ is a drive."""

_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Address:
    """Where a lake lies in an object store.

    Attributes:
        prefix: of the names of its objects, without a slash at the end; empty where the lake is the whole bucket.
    """

    scheme: str
    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{self.root}/{self.prefix}".rstrip("/")

    @property
    def root(self) -> str:
        """The address of the bucket."""
        return f"{self.scheme}://{self.bucket}"

    def name(self, inside: str) -> str:
        """The name of an object by its path inside the lake."""
        return f"{self.prefix}/{inside}" if self.prefix else inside


def address_of(place: str | Path) -> Address | None:
    """The address that a place is; None where it is a path of this machine.

    Nothing in it is an escape: a blank, # or % is itself.

    Raises:
        NotALakeError: it is the address of something else, or has a password.
    """
    parts = _URL.fullmatch(str(place))
    if parts is None:
        return None
    scheme, rest = parts[1].lower(), f"{parts[2][2:]}{parts[3]}"
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket:
        # Not shown: it would be in a log.
        raise NotALakeError(
            f"the {scheme}:// address of the lake has a user or a password in it",
            "Put credentials into the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        )
    if scheme not in SCHEMES:
        known = ", ".join(f"{each}://" for each in SCHEMES)
        raise NotALakeError(f"{scheme}://{rest} is a URL of another kind", f"A lake is a folder, or lies at {known}.")
    if not _BUCKET.fullmatch(bucket):
        raise NotALakeError(f"{scheme}://{rest} names no bucket", f"Such as {scheme}://bucket/corpus.")
    names = [name for name in prefix.split("/") if name]
    if {".", ".."} & set(names):
        raise NotALakeError(f"{scheme}://{rest} has a part {'..' if '..' in names else '.'}", "Name the lake without.")
    return Address(scheme, bucket, "/".join(names))
