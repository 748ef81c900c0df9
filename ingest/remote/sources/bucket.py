"""A folder of a bucket that speaks S3, or one file of it; read by Arrow, with the usual settings in the environment.

`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_PROFILE` and the files of ~/.aws say who asks;
without any of them it is asked without a login first. `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` names a server other
than Amazon's, `AWS_REGION` or `AWS_DEFAULT_REGION` the region.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from signverse.ingest.remote.sources.http_file import strong
from signverse.ingest.remote.sources.http_limits import Attempts, Limiter, Limits
from signverse.ingest.remote.sources.protocols import (
    Opened,
    RemoteFileError,
    SourceError,
    SourceFile,
    Traffic,
    check_range,
    is_plain,
    is_tar,
)
from signverse.lake.model.wording import counted, printable, some

if TYPE_CHECKING:
    from pyarrow.fs import S3FileSystem

_T = TypeVar("_T")

_LOGINS: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)

_DENIED: Final = frozenset(
    {
        *("ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "INVALID_CLIENT_TOKEN_ID", "INVALID_SIGNATURE"),
        *("MISSING_AUTHENTICATION_TOKEN", "SIGNATURE_DOES_NOT_MATCH", "UNRECOGNIZED_CLIENT", "401", "403"),
    }
)
_MISSING: Final = frozenset({"NO_SUCH_BUCKET", "NO_SUCH_KEY", "RESOURCE_NOT_FOUND", "404"})
_BUSY: Final = frozenset({"SLOW_DOWN", "THROTTLING", "REQUEST_LIMIT_EXCEEDED", "SERVICE_UNAVAILABLE", "429", "503"})
_BROKEN: Final = frozenset({"NETWORK_CONNECTION", "INTERNAL_FAILURE", "REQUEST_TIMEOUT", "408", "500", "502", "504"})
"""What Arrow calls an error, or the status where it has no name for it."""


class BucketFile:
    """A file of a bucket as a `RangedFile`."""

    def __init__(self, source: BucketSource, path: str, key: str) -> None:
        self.path = path
        self._source, self._key = source, key
        self._name = f"s3://{key}"
        self._file = source.ask(self._name, lambda: source.system.open_input_file(key))
        self._about = self._asked(self._file)
        self.size, self.oid = self._about

    def _asked(self, file: Any) -> tuple[int, str | None]:
        tag = (file.metadata() or {}).get("ETag", b"").decode(errors="replace")
        return file.size(), strong(tag) if tag else None

    def pread(self, start: int, size: int) -> bytes:
        check_range(self._name, start, size, self.size)
        if not size:
            return b""
        data: bytes = self._source.ask(f"{self._name} at byte {start:,}", lambda: self._file.read_at(size, start))
        self._source.traffic.add(bytes=len(data))
        # Arrow asks for a range of whatever lies there by then. What lies there after it was read says what it was.
        if self._source.ask(self._name, self._now) != self._about or len(data) != size:
            raise RemoteFileError(
                f"{self._name} is another file by now than when it was opened",
                "Run the command again: what was read of the earlier one cannot be combined with it.",
            )
        return data

    def _now(self) -> tuple[int, str | None]:
        with self._source.system.open_input_file(self._key) as file:
            return self._asked(file)

    def close(self) -> None:
        self._file.close()


class BucketSource(Opened):
    """A folder or a file of a bucket as a `TarSource`.

    Args:
        url: s3://BUCKET/FOLDER or s3://BUCKET/FILE.tar.

    Raises:
        SourceError: the address names no bucket.
    """

    revision: str | None = None

    def __init__(self, url: str, limits: Limits) -> None:
        self.traffic = Traffic()
        self._lock = threading.Lock()
        self.remarks: list[str] = []
        self._limiter = Limiter(limits, self.traffic)
        # A key may hold a question mark or a number sign; it holds no codes.
        bucket, _, key = url.partition("://")[2].partition("/")
        self._key = "/".join(part for part in key.split("/") if part)
        if not bucket or "@" in bucket:
            raise SourceError(
                "an address of a bucket is s3://BUCKET/FOLDER", "Keys are for the environment, not for it."
            )
        self._bucket = bucket
        self.address = f"s3://{bucket}{'/' if self._key else ''}{self._key}"
        self._has_login = any(os.environ.get(name) for name in _LOGINS) or any(
            Path("~/.aws", name).expanduser().exists() for name in ("credentials", "config")
        )
        self.system = self._system(anonymous=not self._has_login)
        self._files: dict[str, SourceFile] | None = None

    def _system(self, *, anonymous: bool) -> S3FileSystem:
        from pyarrow import fs

        server = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not server and not region:
            try:
                region = fs.resolve_s3_region(self._bucket)
            except OSError as error:
                raise self._error(error, self.address) from None
        parts = urlsplit(server if "://" in server or not server else f"https://{server}")
        limits = self._limiter.limits
        return fs.S3FileSystem(
            anonymous=anonymous,
            region=region or None,
            scheme=parts.scheme or None,
            endpoint_override=parts.netloc.rpartition("@")[2] or None,
            connect_timeout=limits.connect_s,
            request_timeout=limits.answer_s,
            # Its own are none that another thread's close would end.
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),
        )

    def ask(self, what: str, call: Callable[[], _T]) -> _T:
        """What a call of Arrow gives, repeated where the network or the server fails.

        Raises:
            RemoteFileError, SourceError: it fails for another reason, or too often.
        """
        attempts = Attempts(self._limiter, what)
        while True:
            self._limiter.wait()
            with self._limiter.slots:
                self.traffic.add(requests=1)
                try:
                    found = call()
                    self._limiter.has_answered = True
                    return found
                except (FileNotFoundError, OSError) as error:
                    failure = error
            self._again(attempts, failure, what)

    def _again(self, attempts: Attempts, error: OSError, what: str) -> None:
        codes = _codes(error)
        if "flush response stream" in str(error):
            raise RemoteFileError(f"{what}: the server sends more than it was asked for: it may know no ranges")
        if codes & _BUSY:
            attempts.busy(503, {})
        elif codes & _BROKEN:
            attempts.broken("the connection broke off" if "NETWORK_CONNECTION" in codes else "the server has an error")
        else:
            raise self._error(error, what) from None

    def _error(self, error: OSError, what: str) -> RemoteFileError | SourceError:
        codes = _codes(error)
        if isinstance(error, FileNotFoundError) or codes & _MISSING:
            return RemoteFileError(f"{what} is not there", "Check the address; keys know upper and lower case.")
        if codes & _DENIED:
            return SourceError(
                f"{what} may not be read",
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, say who asks.",
            )
        if codes & {"301", "PERMANENT_REDIRECT"}:
            return SourceError(f"{what} lies in another region", "AWS_REGION says which.")
        why = f": {', '.join(sorted(codes))}" if codes else ""
        return SourceError(f"{what} cannot be read{why}", "AWS_ENDPOINT_URL and AWS_REGION say which server is asked.")

    def files(self) -> Sequence[SourceFile]:
        return list(self._listed().values())

    def _listed(self) -> dict[str, SourceFile]:
        # Asked for by several threads at once: by the first of them only.
        with self._lock:
            if self._files is None:
                whole = f"{self._bucket}/{self._key}".rstrip("/")
                rows = self._rows(whole)
                is_file = len(rows) == 1 and rows[0].path == whole
                start = whole.rpartition("/")[0] if is_file else whole
                found = {row.path.removeprefix(f"{start}/"): row for row in rows}
                odd = [path for path in found if not is_plain(path)]
                if odd:
                    names = [printable(path) for path in odd]
                    self.remarks.append(f"{counted(len(odd), 'file')} not read, for their names: {some(names)}.")
                self._files = {
                    path: SourceFile(path, row.size, None) for path, row in sorted(found.items()) if path not in odd
                }
                self._start = start
            return self._files

    def _rows(self, whole: str) -> list[Any]:
        """Arrow's rows of all files below a folder, or of one file."""
        from pyarrow import fs

        def listed() -> list[Any]:
            if is_tar(whole):
                about = self.system.get_file_info(whole)
                if about.type == fs.FileType.File:
                    return [about]
            chosen = fs.FileSelector(whole, recursive=True)
            return [row for row in self.system.get_file_info(chosen) if row.type == fs.FileType.File]

        try:
            return self.ask(self.address, listed)
        except RemoteFileError as error:
            raise SourceError(error.message, error.hint) from None
        except SourceError:
            if self._has_login:
                raise
            # On a machine in a cloud, the cloud itself may say who asks.
            self._has_login = True
            self.system = self._system(anonymous=False)
            return self.ask(self.address, listed)

    def open(self, path: str) -> BucketFile:
        if path not in self._listed():
            raise RemoteFileError(f"{self.address} holds no {printable(path)}")
        return BucketFile(self, path, f"{self._start}/{path}")

    def close(self) -> None:
        self._limiter.end()


def _codes(error: OSError) -> set[str]:
    """What Arrow's message calls the error. The rest of it holds the name of the file, and what the server wrote."""
    found = re.search(r"AWS Error (\w+)(?: \(HTTP status (\d+)\))? during", str(error))
    return {code for code in found.groups() if code and code != "UNKNOWN"} if found else set()
