"""An object store: names, whole objects and ranges of them, many requests side by side; errors in a line of ours."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from signverse.lake.model.errors import UnreachableError
from signverse.lake.model.untrusted.terminal_text import clean
from signverse.lake.storage.stores.address import Address

AT_ONCE: Final = 32
"""Requests side by side."""

_RETRIES: Final = 6
_RETRY_S: Final = 30
"""A network that drops is asked again so often and so long; then it is said."""

_PIECE: Final = 8 << 20
"""Bytes of an object that are in memory at once while it is copied to disk."""


@dataclass(frozen=True)
class Entry:
    """An object: its path inside the lake, its size in bytes, and when the store wrote it."""

    name: str
    size: int
    modified: datetime


_forked: Final = [False]
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _forked.__setitem__(0, bool(_clients)))

_clients: Final[list[Any]] = []
"""The clients of this process: a forked process may use none, and would wait for ever."""


class ObjectStore:
    """The objects of a lake, by their paths inside it. May be used by several threads."""

    def __init__(self, address: Address) -> None:
        self._address = address

    @cached_property
    def _client(self) -> Any:
        from obstore.store import from_url

        with self._errors():
            client = from_url(
                self._address.root,
                retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_S)},
            )
        _clients.append(client)
        return client

    def entries(self, under: str) -> list[Entry]:
        """The objects under a path inside the lake, which ends without a slash; by name.

        Raises:
            UnreachableError: the store did not say.
        """
        import obstore

        self._refuse_forked()
        skip = len(self._address.name(""))
        with self._errors():
            pages = obstore.list(self._client, prefix=self._address.name(under))
            found = [each for page in pages for each in page]
        return sorted(
            (Entry(each["path"][skip:], each["size"], each["last_modified"]) for each in found),
            key=lambda entry: entry.name,
        )

    def copy(self, name: str, target: Path) -> bool:
        """Writes an object to a file, which must not be there; False where there is no such object.

        Raises:
            UnreachableError: the store refused it, or the network dropped.
        """
        import obstore

        self._refuse_forked()
        try:
            with self._errors():
                data = obstore.get(self._client, self._address.name(name)).stream(min_chunk_size=_PIECE)
                with target.open("xb") as file:
                    for piece in data:
                        file.write(piece)
        except FileNotFoundError:
            return False
        return True

    def ranges(self, name: str, spans: Sequence[tuple[int, int]]) -> list[Any]:
        """Ranges of an object, each its first byte and its number of bytes; as buffers, in their order.

        Raises:
            UnreachableError: the store refused it, or the network dropped.
            FileNotFoundError: there is no such object.
        """
        import obstore

        self._refuse_forked()
        with self._errors():
            return list(
                obstore.get_ranges(
                    self._client,
                    self._address.name(name),
                    starts=[start for start, _ in spans],
                    lengths=[size for _, size in spans],
                    coalesce=0,
                )
            )

    def _refuse_forked(self) -> None:
        if _forked[0]:
            raise UnreachableError(
                f"{self._address} cannot be read in a process that was forked",
                'Start workers otherwise: DataLoader(..., multiprocessing_context="forkserver").',
            )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise self._error(str(error)) from None
            raise FileNotFoundError(f"{self._address} has no such object") from None
        except BaseException as error:
            # Those of the client, and panics of Rust, which are no `Exception`.
            if type(error).__module__.partition(".")[0] not in {"obstore", "pyo3_runtime", "builtins"} or isinstance(
                error, KeyboardInterrupt | MemoryError
            ):
                raise
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise self._error(str(error)) from None

    def _error(self, said: str) -> UnreachableError:
        what, hint = _explained(said, self._address)
        return UnreachableError(f"{self._address} cannot be read: {what}", hint)


_CREDENTIALS: Final = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SKIP_SIGNATURE=true for a public bucket",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, or GOOGLE_SKIP_SIGNATURE=true for a public bucket",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_SKIP_SIGNATURE=true for a public one",
}


def _explained(said: str, address: Address) -> tuple[str, str]:
    """What a client's error means, and what to do: its text has whole answers and requests in it."""
    code = (re.findall(r"<Code>([A-Za-z]{1,60})</Code>", said) or [""])[0]
    status = (re.findall(r"status code: (\d{3})", said) or [""])[0]
    credentials = f"Set {_CREDENTIALS[address.scheme]}."
    if "169.254.169.254" in said:
        # Without credentials the client asks the cloud's machine that it might run on.
        return "there are no credentials", credentials
    if code in {"NoSuchBucket", "ContainerNotFound"} or (status == "404" and not code):
        return f"there is no bucket '{address.bucket}'", "Look at the name, and at the endpoint that is asked."
    if code == "RequestTimeTooSkewed":
        return "the clock of this machine is off", "Set it: the store refuses requests of another time."
    if status in {"401", "403"} or code in {"InvalidAccessKeyId", "SignatureDoesNotMatch"}:
        return f"the store refuses these credentials ({code or status})", credentials
    if "builder error" in said:
        return "its endpoint is http://, which is not encrypted", "Allow it: --storage-option AWS_ALLOW_HTTP=true."
    if "Account must be specified" in said or "token request" in said or "CredentialProvider" in said:
        return "there are no credentials", credentials
    if "error sending request" in said or "HTTP error" in said:
        return "the store does not answer", "Look at the network and at the endpoint, and run the same again."
    if status:
        return f"the store answers {code or status}", "Run the same again later."
    lines = said.strip().splitlines()
    return clean(lines[0][:200]) if lines else "the client failed", "Run the same again later."
