"""The half of the fake hub that takes: create, preupload, LFS, commit, branch, tag, settings, deletion."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.fakehub.handler import Asked, Refused, Reply
from tests.fakehub.repositories import ATTRIBUTES, Entry, Repository, entry_of, is_large
from tests.fakehub.routes_read import ANY, repository

if TYPE_CHECKING:
    from tests.fakehub.hub import Hub


def writable(asked: Asked, key: str) -> Repository:
    """A repository that the request's token may write to."""
    found = repository(asked, key)
    if asked.may != "write" or key.split("/")[1] not in asked.hub.owners:
        raise Refused(
            403 if asked.may else 401,
            "" if asked.may else "RepoNotFound",
            "Authorization error." if asked.may else "Repository not found",
        )
    return found


def whoami(asked: Asked) -> Reply:
    if not asked.may:
        raise Refused(401, "", "Invalid username or password.")
    return Reply({"type": "user", "name": "owner", "orgs": [], "auth": {"accessToken": {"role": asked.may}}})


def create(asked: Asked) -> Reply:
    wanted = json.loads(asked.body)
    key = f"{wanted.get('type', 'model')}s/{wanted.get('organization') or 'owner'}/{wanted['name']}"
    address = {"url": f"{asked.hub.address}/{key}", "name": key.partition("/")[2], "id": "1"}
    if not asked.may:
        raise Refused(401, "", "Invalid username or password.")
    if key in asked.hub.repositories:
        return Reply({"error": "You already created this dataset repo", **address}, 409)
    if asked.may != "write" or key.split("/")[1] not in asked.hub.owners:
        raise Refused(403, "", "You don't have the rights to create a dataset under this namespace")
    private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
    asked.hub.store(".gitattributes", ATTRIBUTES)
    asked.hub.repositories[key] = Repository(private=private)
    return Reply(address)


def validate_yaml(asked: Asked) -> Reply:
    errors = [{"message": error} for error in asked.hub.card_errors]
    return Reply({"errors": errors, "warnings": []}, 400 if errors else 200)


def preupload(asked: Asked, key: str, revision: str) -> Reply:
    found = writable(asked, key).at(revision)
    if found is None:
        raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    rows = []
    for file in json.loads(asked.body)["files"]:
        mode = "lfs" if is_large(file["path"], file["size"]) else "regular"
        row = {"path": file["path"], "uploadMode": mode, "shouldIgnore": file["path"] in asked.hub.ignored}
        present = found.files.get(file["path"])
        if present is not None:
            row["oid"] = present.sha256 if present.large else present.oid
        rows.append(row)
    return Reply({"files": rows})


def batch(asked: Asked, key: str) -> Reply:
    writable(asked, key)
    rows = []
    for wanted in json.loads(asked.body)["objects"]:
        row = {"oid": wanted["oid"], "size": wanted["size"]}
        if wanted["oid"] not in asked.hub.blobs:
            row["actions"] = {
                "upload": {"href": f"{asked.hub.cdn}/cdn/put/{wanted['oid']}"},
                "verify": {"href": f"{asked.hub.address}/{key}.git/info/lfs/verify"},
            }
            if asked.hub.part_size and wanted["size"] > asked.hub.part_size:
                row["actions"]["upload"] = in_parts(asked.hub, wanted["oid"], wanted["size"])
        rows.append(row)
    return Reply({"transfer": "basic", "objects": rows})


def store(asked: Asked, sha256: str) -> Reply:
    if hashlib.sha256(asked.body).hexdigest() != sha256:
        return Reply({"error": "the content has another sha256"}, 400)
    asked.hub.blobs[sha256] = asked.body
    return Reply(headers={"ETag": f'"{sha256}"'})


def in_parts(hub: Hub, sha256: str, size: int) -> dict[str, Any]:
    """How a large file is sent in parts."""
    parts = range(1, -(-size // hub.part_size) + 1)
    header = {f"{part:05d}": f"{hub.cdn}/cdn/part/{sha256}/{part}?Signature=s" for part in parts}
    return {"href": f"{hub.cdn}/cdn/join/{sha256}", "header": {**header, "chunk_size": str(hub.part_size)}}


def store_part(asked: Asked, sha256: str, part: str) -> Reply:
    asked.hub.parts.setdefault(sha256, {})[int(part)] = asked.body
    return Reply(headers={"ETag": f'"{part}"'})


def join_parts(asked: Asked, sha256: str) -> Reply:
    parts = asked.hub.parts.pop(sha256)
    content = b"".join(parts[part["partNumber"]] for part in json.loads(asked.body)["parts"])
    if hashlib.sha256(content).hexdigest() != sha256:
        return Reply({"error": "the content has another sha256"}, 400)
    asked.hub.blobs[sha256] = content
    return Reply({})


def verify(asked: Asked, key: str) -> Reply:
    return Reply({} if json.loads(asked.body)["oid"] in asked.hub.blobs else {"error": "no such object"})


def commit(asked: Asked, key: str, revision: str) -> Reply:
    found = writable(asked, key)
    lines = [json.loads(line) for line in asked.body.splitlines()]
    header = lines[0]["value"]
    if revision not in found.branches:
        raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    if header.get("parentCommit") not in (None, found.branches[revision][-1].oid):
        raise Refused(412, "", "A commit has happened since. Please refresh and try again.")
    changes: dict[str, Entry | None] = {}
    for line in lines[1:]:
        value = line["value"]
        if value["path"] in asked.hub.ignored:
            continue
        if line["key"] == "file":
            content = base64.b64decode(value["content"])
            changes[value["path"]] = entry_of(value["path"], content, large=False)
            asked.hub.blobs[hashlib.sha256(content).hexdigest()] = content
        elif line["key"] == "lfsFile":
            if value["oid"] not in asked.hub.blobs:
                raise Refused(400, "", f"{value['path']}: the LFS pointer points to a file that does not exist")
            changes[value["path"]] = entry_of(value["path"], asked.hub.blobs[value["oid"]], large=True)
        elif line["key"] == "deletedFile":
            changes[value["path"]] = None
        elif line["key"] == "deletedFolder":
            changes |= {path: None for path in found.branches[revision][-1].files if path.startswith(value["path"])}
    oid = found.commit(revision, changes, header["summary"])
    address = f"{asked.hub.address}/{key}/commit/{oid}"
    return Reply({"success": True, "commitOid": oid, "commitUrl": address, "hookOutput": ""})


def branch(asked: Asked, key: str, name: str) -> Reply:
    found = writable(asked, key)
    if name in found.branches:
        raise Refused(409, "", f"Reference already exists: {name}")
    start = found.history(json.loads(asked.body or b"{}").get("startingPoint") or "main")
    if start is None:
        raise Refused(404, "RevisionNotFound", "Invalid starting point")
    found.branches[name] = start
    return Reply({})


def tag(asked: Asked, key: str, revision: str) -> Reply:
    found = writable(asked, key)
    name = json.loads(asked.body)["tag"]
    if name in found.tags:
        raise Refused(409, "", f"Tag reference exists already: refs/tags/{name}")
    target = found.at(revision)
    if target is None:
        raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    found.tags[name] = target.oid
    return Reply({})


def delete_tag(asked: Asked, key: str, name: str) -> Reply:
    writable(asked, key).tags.pop(unquote(name), None)
    return Reply({})


def settings(asked: Asked, key: str) -> Reply:
    found = writable(asked, key)
    found.settings |= json.loads(asked.body)
    found.private = bool(found.settings.get("private", found.private))
    return Reply({})


def large_files(asked: Asked, key: str) -> Reply:
    """The large objects of all commits, and those that were sent and never committed are not known to it."""
    rows = [
        {
            "fileOid": sha256,
            "filename": path,
            "oid": sha256,
            "pushedAt": "2026-11-28T00:00:00.000Z",
            "ref": "refs/heads/main",
            "size": entry.size,
        }
        for sha256, (path, entry) in sorted(writable(asked, key).large_files().items())
        if sha256 in asked.hub.blobs
    ]
    start = int(asked.query.get("cursor", ["0"])[0])
    end = start + asked.hub.page
    headers = {"Link": f'<{asked.hub.address}{asked.raw}?cursor={end}>; rel="next"'} if end < len(rows) else {}
    return Reply(rows[start:end], headers=headers)


def delete_large_files(asked: Asked, key: str) -> Reply:
    found = writable(asked, key)
    wanted = json.loads(asked.body)["deletions"]
    objects = set(wanted["sha"])
    for sha256 in objects:
        asked.hub.blobs.pop(sha256, None)
    if wanted["rewriteHistory"]:
        found.forget(objects)
    return Reply({})


WRITING = (
    ("GET", re.compile(r"/api/whoami-v2"), whoami),
    ("POST", re.compile(r"/api/repos/create"), create),
    ("POST", re.compile(r"/api/validate-yaml"), validate_yaml),
    ("POST", re.compile(ANY + r"/preupload/([^/]+)"), preupload),
    ("POST", re.compile(r"/(datasets/[^/]+/[^/]+)\.git/info/lfs/objects/batch"), batch),
    ("PUT", re.compile(r"/cdn/put/([0-9a-f]{64})"), store),
    ("PUT", re.compile(r"/cdn/part/([0-9a-f]{64})/(\d+)"), store_part),
    ("POST", re.compile(r"/cdn/join/([0-9a-f]{64})"), join_parts),
    ("POST", re.compile(r"/(datasets/[^/]+/[^/]+)\.git/info/lfs/verify"), verify),
    ("POST", re.compile(ANY + r"/commit/([^/]+)"), commit),
    ("POST", re.compile(ANY + r"/branch/([^/]+)"), branch),
    ("POST", re.compile(ANY + r"/tag/([^/]+)"), tag),
    ("DELETE", re.compile(ANY + r"/tag/([^/]+)"), delete_tag),
    ("PUT", re.compile(ANY + r"/settings"), settings),
    ("GET", re.compile(ANY + r"/lfs-files"), large_files),
    ("POST", re.compile(ANY + r"/lfs-files/batch"), delete_large_files),
)
