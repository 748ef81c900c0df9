"""Download of the production models from the Hugging Face hub: resumable, checked by size and sha256."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from signverse.ingest.models.contract import first_line
from signverse.ingest.models.pins import PINS, Pin, default_folder, model_sha256
from signverse.lake.model.errors import BadInputError

# Retries after a broken connection; the count starts again whenever new bytes arrive.
_ATTEMPTS: Final = 4
_PAUSE_S: Final = 1.0
_TIMEOUT_S: Final = 30.0


def pull(
    folder: Path | None,
    *,
    pins: Sequence[Pin] = PINS,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Path]:
    """Fetch the production models from the Hugging Face hub.

    A file that is complete is not fetched again. An interrupted download is kept beside it as NAME.part and resumed, in
    this call or the next. `HF_ENDPOINT` names another hub.

    Args:
        folder: where to put them; None for `default_folder()`. Created if missing.
        pins: what to fetch.
        progress: called with the file's name, the bytes received and the bytes in total.

    Returns:
        The files, in the order of the pins.

    Raises:
        BadInputError: the hub cannot be reached, or the file is not the pinned one (it is removed).
    """
    folder = default_folder() if folder is None else folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(
            f"{folder}: cannot be created ({error.strerror})", "Name another folder with --models"
        ) from error
    return [_pull_one(folder, pin, progress) for pin in pins]


def _pull_one(folder: Path, pin: Pin, progress: Callable[[str, int, int], None] | None) -> Path:
    target = folder / pin.name
    if target.is_file() and not _difference(target, pin):
        return target
    part = folder / f"{pin.name}.part"
    _download(part, pin, progress)
    wrong = _difference(part, pin)
    if wrong:
        part.unlink()
        raise BadInputError(
            f"{pin.name} from {pin.repo}: {wrong}; removed", "Pull again, or look at what HF_ENDPOINT points to"
        )
    part.replace(target)
    return target


def _difference(path: Path, pin: Pin) -> str:
    size = path.stat().st_size
    if size != pin.size:
        return f"expected {pin.size:,} bytes, found {size:,}"
    found = model_sha256(path)
    return "" if found == pin.sha256 else f"expected sha256 {pin.sha256}, found {found}"


def _download(part: Path, pin: Pin, progress: Callable[[str, int, int], None] | None) -> None:
    """Download into `part` until it has the pin's size, from the size it has.

    huggingface_hub's own hf_hub_download (2.x) starts from zero in every call and loses up to 10 MB with each
    interruption; hence only its addresses, tokens and connection are used.
    """
    # Plain HTTP can be resumed at any byte; the xet protocol cannot.
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    # Imported in functions, not at the top: it would slow the start of the command line.
    from huggingface_hub import get_session, get_token, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    # The HTTP library's own base error and OSError, without depending on which library the hub's client uses.
    network_errors: tuple[type[Any], ...] = HfHubHTTPError.__bases__
    endpoint = os.environ.get("HF_ENDPOINT") or None
    url = hf_hub_url(pin.repo, pin.name, endpoint=endpoint)
    left = _ATTEMPTS
    while True:
        start = part.stat().st_size if part.exists() else 0
        if start >= pin.size:
            return
        try:
            headers = {"Accept-Encoding": "identity"}
            if token := get_token():
                headers["Authorization"] = f"Bearer {token}"
            if start:
                headers["Range"] = f"bytes={start}-"
            with get_session().stream(
                "GET", url, headers=headers, timeout=_TIMEOUT_S, follow_redirects=True
            ) as response:
                response.raise_for_status()
                # A server without support for ranges sends the whole file again.
                resumed = response.status_code == 206
                with part.open("ab" if resumed else "wb", buffering=0) as file:
                    _save(response.iter_bytes(), file, start if resumed else 0, pin, progress)
            if part.stat().st_size < pin.size:
                raise ConnectionError("the connection ended early")
            return
        except network_errors as error:
            grown = part.exists() and part.stat().st_size > start
            left = _ATTEMPTS if grown else left - 1
            status = getattr(getattr(error, "response", None), "status_code", 0)
            if left and status not in (401, 403, 404):
                time.sleep(_PAUSE_S)
                continue
            raise BadInputError(
                f"{pin.name} cannot be fetched from {url} ({first_line(error)})",
                "Check the network or HF_ENDPOINT and pull again: the download resumes where it stopped",
            ) from error


def _save(chunks: Any, file: io.FileIO, done: int, pin: Pin, progress: Callable[[str, int, int], None] | None) -> None:
    for chunk in chunks:
        file.write(chunk)
        done += len(chunk)
        if progress is not None:
            progress(pin.name, done, pin.size)
        if done > pin.size:
            # Not the pinned file: the rest is of no use, and may have no end.
            return
