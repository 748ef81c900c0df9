"""The half of the fake hub that gives: listings, files and the CDN behind them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from tests.fakehub.handler import Asked, Refused, Reply
from tests.fakehub.repositories import Commit, Repository

ANY = r"/api/((?:dataset|model|space)s/[^/]+/[^/]+)"


def repository(asked: Asked, key: str) -> Repository:
    """A repository that the request's token may see.

    Raises:
        Refused: it is not there or not to be seen, which look alike; or it is gated.
    """
    found = asked.hub.repositories.get(key)
    if found is None or (found.private and not asked.may):
        raise Refused(404 if asked.may else 401, "RepoNotFound", "Repository not found")
    if asked.headers.get("Authorization") and not asked.may:
        raise Refused(401, "RepoNotFound", "Invalid credentials in Authorization header")
    return found


def commit(asked: Asked, key: str, revision: str) -> Commit:
    """The commit that a revision names, of a repository that the request's token may see."""
    found = repository(asked, key).at(revision or "main")
    if found is None:
        raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    return found


def info(asked: Asked, key: str, revision: str = "") -> Reply:
    found = commit(asked, key, revision)
    settings = asked.hub.repositories[key].settings
    return Reply(
        {
            "id": key.partition("/")[2],
            "sha": found.oid,
            "private": asked.hub.repositories[key].private,
            "gated": settings.get("gated", key in asked.hub.gated and "auto"),
            "siblings": [{"rfilename": path} for path in found.files],
            "tags": [],
        }
    )


def tree(asked: Asked, key: str, revision: str, folder: str) -> Reply:
    """A folder's files and folders, a page at a time."""
    files = commit(asked, key, revision).files
    folder = f"{folder.strip('/')}/" if folder.strip("/") else ""
    recursive = asked.query.get("recursive", ["false"])[0].lower() == "true"
    rows: dict[str, Any] = {}
    for path, entry in files.items():
        if path.startswith(folder):
            parts = path.removeprefix(folder).split("/")
            for depth in range(1, len(parts) if recursive else min(2, len(parts))):
                name = folder + "/".join(parts[:depth])
                rows[name] = {"type": "directory", "path": name, "oid": "d" * 40, "size": 0}
            if recursive or len(parts) == 1:
                rows[path] = entry.row(path)
    if folder and not rows:
        raise Refused(404, "EntryNotFound", f"{folder} does not exist")
    start = int(asked.query.get("cursor", ["0"])[0])
    end = start + asked.hub.page
    following = f"{asked.hub.address}{asked.raw}?recursive={recursive}&cursor={end}"
    headers = {"Link": f'<{following}>; rel="next"'} if end < len(rows) else {}
    return Reply([rows[name] for name in sorted(rows)[start:end]], headers=headers)


def paths_info(asked: Asked, key: str, revision: str) -> Reply:
    files = commit(asked, key, revision).files
    wanted = parse_qs(asked.body.decode()).get("paths", [])
    rows = [files[path].row(path) for path in wanted if path in files]
    folders = [path for path in wanted if any(file.startswith(f"{path.rstrip('/')}/") for file in files)]
    return Reply([*rows, *({"type": "directory", "path": path, "oid": "d" * 40, "size": 0} for path in folders)])


def refs(asked: Asked, key: str) -> Reply:
    found = repository(asked, key)
    branches = {name: commits[-1].oid for name, commits in found.branches.items()}
    return Reply(
        {
            "branches": [row("heads", name, oid) for name, oid in branches.items()],
            "tags": [row("tags", name, oid) for name, oid in found.tags.items()],
            "converts": [],
            "pullRequests": [],
        }
    )


def commits(asked: Asked, key: str, revision: str) -> Reply:
    """The commits of a branch or up to a commit, the newest first."""
    found = repository(asked, key).history(revision)
    if found is None:
        raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    about = {"authors": [{"user": "owner"}], "date": "2026-11-28T00:00:00.000Z", "message": ""}
    return Reply([{"id": commit.oid, "title": commit.summary, **about} for commit in reversed(found)])


def row(kind: str, name: str, oid: str) -> dict[str, str]:
    return {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid}


def resolve(asked: Asked, key: str, revision: str, path: str) -> Reply:
    """A file: a small one at once, a large one by a signed address of the CDN."""
    found = commit(asked, key, revision)
    if key in asked.hub.gated:
        raise Refused(403 if asked.may else 401, "GatedRepo", f"Access to {key.partition('/')[2]} is restricted")
    entry = found.files.get(path)
    if entry is None:
        raise Refused(404, "EntryNotFound", "Entry not found")
    headers = {"X-Repo-Commit": found.oid, "ETag": f'"{entry.oid}"', "Accept-Ranges": "bytes"}
    if not entry.large:
        return ranged(asked, asked.hub.blobs[entry.sha256], headers)
    headers["X-Linked-Size"] = str(entry.size)
    headers["X-Linked-Etag"] = f'"{entry.sha256}"'
    return Reply(status=302, headers={**headers, "Location": asked.hub.sign(entry.sha256)})


def cdn(asked: Asked, sha256: str) -> Reply:
    signed, until = asked.hub.signed.get(asked.query.get("Signature", [""])[0], ("", 0.0))
    if signed != sha256 or time.time() > until:
        return Reply(b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", 403)
    return ranged(asked, asked.hub.blobs[sha256], {"ETag": f'"{sha256}"', "Accept-Ranges": "bytes"})


def ranged(asked: Asked, data: Any, headers: Mapping[str, str]) -> Reply:
    """A file's content, or the part of it that the request's Range names."""
    headers = {"Content-Type": "application/octet-stream", **headers}
    wanted = asked.headers.get("Range")
    if not wanted:
        # A HEAD has the length of what it does not send.
        return Reply(b"" if asked.method == "HEAD" else data[:], headers=headers, length=len(data))
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted)
    if found is None or found.groups() == ("", ""):
        return Reply(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
    first, last = found.groups()
    start = int(first) if first else max(0, len(data) - int(last))
    end = min(int(last) if first and last else len(data) - 1, len(data) - 1)
    if start >= len(data) or start > end:
        return Reply(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
    return Reply(data[start : end + 1], 206, {**headers, "Content-Range": f"bytes {start}-{end}/{len(data)}"})


READING = (
    ("GET", re.compile(ANY), info),
    ("GET", re.compile(ANY + r"/revision/([^/]+)"), info),
    ("GET", re.compile(ANY + r"/tree/([^/]+)(?:/(.*))?"), tree),
    ("POST", re.compile(ANY + r"/paths-info/([^/]+)"), paths_info),
    ("GET", re.compile(ANY + r"/refs"), refs),
    ("GET", re.compile(ANY + r"/commits/([^/]+)"), commits),
    ("GET HEAD", re.compile(r"/(datasets/[^/]+/[^/]+)/resolve/([^/]+)/(.+)"), resolve),
    ("GET HEAD", re.compile(r"/cdn/get/([0-9a-f]{64})"), cdn),
)
