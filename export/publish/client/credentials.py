"""The name of a data set, the token, and errors without the token in them, whatever library they come from."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from signverse.lake.model.errors import BadInputError, MistypedError, SignverseError
from signverse.lake.model.wording import printable


def repository_name(text: str) -> str:
    """OWNER/NAME as it was typed.

    Raises:
        MistypedError: it cannot be the name of a data set of the hub.
    """
    name = text.removeprefix("hf://").removeprefix("datasets/")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}", name) or re.search(
        r"--|\.\.|\.git$|[.-]$|/[.-]", name
    ):
        raise MistypedError(f"'{printable(text)}' is not the name of a data set", "It is OWNER/NAME, such as me/poses.")
    return name


def access_token() -> str:
    """The token of HF_TOKEN or of a saved login; "" without.

    Raises:
        BadInputError: it cannot be a token; the message does not say it.
    """
    from huggingface_hub import get_token

    token = (get_token() or "").strip()
    if not re.fullmatch(r"[!-~]*", token):
        raise BadInputError("the token holds blanks or other characters that no token has", "Set HF_TOKEN again.")
    return token


def redacted(text: str, token: str) -> str:
    """A text without tokens and signed addresses: a server may say back what it was sent."""
    if token:
        text = text.replace(token, "[token]")
    text = re.sub(r"hf_[A-Za-z0-9]{8,}|(?i:bearer)\s+\S+", "[token]", text)
    return re.sub(r"(https?://[^\s?'\"]+)\?\S+", r"\1", text)


@contextmanager
def without_token(token: str) -> Iterator[None]:
    """Replaces an error whose text, or that of an error that it came from, holds the token."""
    try:
        yield
    except Exception as error:
        if not token or not any(token in line for line in traceback.format_exception(error)):
            raise
        text = redacted(" ".join(str(error).split()), token)
        if isinstance(error, SignverseError):
            raise type(error)(redacted(error.message, token), redacted(error.hint, token)) from None
        raise SignverseError(f"publishing failed ({type(error).__name__}: {text[:300]})") from None
