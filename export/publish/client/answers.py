"""What the hub's answers mean: whether to ask again and when, and the line that an error becomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from signverse.export.publish.client.credentials import redacted
from signverse.export.publish.client.upload import StoppedError
from signverse.lake.model.errors import BadInputError, SignverseError

PAUSE_S: Final = 1.0
"""Before the second attempt; each further one waits twice as long."""

LONGEST_PAUSE_S: Final = 60.0

LONGEST_WINDOW_S: Final = 900.0
"""The hub's limits are per five minutes: it does not ask for more."""

PASSING: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


def pause(attempt: int, status: int | None, headers: Mapping[str, str]) -> float:
    from huggingface_hub.utils._http import parse_ratelimit_headers

    wait = min(PAUSE_S * 2.0 ** (attempt - 1), LONGEST_PAUSE_S)
    if status == 429:
        rate = parse_ratelimit_headers(headers)
        after = str(headers.get("Retry-After") or "")
        if rate is not None:
            wait = rate.reset_in_seconds + PAUSE_S
        elif after.isdecimal():
            # Of any length: the longest pause is waited for at most.
            wait = int(after[:9]) + PAUSE_S
    return min(wait, LONGEST_WINDOW_S)


def chain(error: BaseException) -> Iterable[BaseException]:
    """An error and what it came from: the client wraps the errors of its threads."""
    seen: list[BaseException] = []
    while error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__ or error
    return seen


def status_of(error: BaseException) -> tuple[int | None, Mapping[str, str]]:
    """The HTTP status that an error is about, and the headers of the answer; None where there was no answer."""
    for one in chain(error):
        answer = getattr(one, "response", None)
        if answer is not None:
            return int(answer.status_code), answer.headers
    return None, {}


def is_of_the_network(error: BaseException) -> bool:
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    # The HTTP library's own base error, without depending on which library the hub's client uses.
    base = HfHubHTTPError.__mro__[1]
    return any(
        isinstance(one, base | ConnectionError | TimeoutError) and not isinstance(one, OfflineModeIsEnabled)
        for one in chain(error)
    )


def says(status: int | None) -> str:
    return {None: "cannot be reached", 429: "asks to wait (429)"}.get(status, f"answers {status}")


def second_writer(name: str) -> BadInputError:
    return BadInputError(
        f"another writer has committed to {name} meanwhile",
        "Look at what was changed there, then run the same command again: it goes on.",
    )


def refused(
    name: str, endpoint: str, token: str, what: str, error: BaseException, status: int | None
) -> SignverseError:
    """The line that an error of the hub becomes. It says neither an address with a signature nor a token."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    if any(isinstance(one, StoppedError) for one in chain(error)):
        return SignverseError("interrupted")
    for one in chain(error):
        if isinstance(one, SignverseError):
            return one
    if any(isinstance(one, OfflineModeIsEnabled) for one in chain(error)):
        return BadInputError("the hub is not asked for anything where HF_HUB_OFFLINE is set", "Unset it to publish.")
    said = next((str(text) for one in chain(error) if (text := getattr(one, "server_message", None))), "")
    message = f"{name}: the hub refuses to {what} ({status}{f': {said}' if said else ''})"
    if status is None:
        kind = type(error).__name__
        message = f"{endpoint} cannot be reached to {what} ({kind}: {error})"
        hint = "Check the network or HF_ENDPOINT and run the same command again: what was sent is kept."
    elif status == 401:
        hint = "Set HF_TOKEN to a token that is valid, or log in with `hf auth login`."
    elif status == 403:
        hint = f"The token needs the right to write to {name.partition('/')[0]}: {endpoint}/settings/tokens."
    elif status == 404:
        hint = "Check the names of the owner, the data set and the revision."
    elif status == 412:
        return second_writer(name)
    elif status == 413:
        hint = "A file is larger than the hub takes: write smaller ones."
    else:
        hint = "Run the same command again later: what was sent is kept."
    return BadInputError(redacted(message, token), hint)
