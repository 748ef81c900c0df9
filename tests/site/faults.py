"""What can go wrong with a video on the test site, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LOOK, CAPTIONS, MEDIA = STAGES = ("look", "captions", "media")
"""What a request is for: information (the page, or the API's answer), a caption track, the video itself."""

MESSAGES: Final = {
    # YouTube's words: reason and subreason of a playabilityStatus.
    "deleted": ("Video unavailable", "This video has been removed by the uploader"),
    "terminated": (
        "Video unavailable",
        "This video is no longer available because the YouTube account associated with this video has been terminated.",
    ),
    "violation": ("This video has been removed for violating YouTube's Community Guidelines", ""),
    "copyright": (
        "Video unavailable",
        "This video contains content from Some Studio, who has blocked it on copyright grounds",
    ),
    "unavailable": ("Video unavailable", ""),
    "private": ("Private video", "Sign in if you've been granted access to this video"),
    "region": ("Video unavailable", "The uploader has not made this video available in your country"),
    "members": (
        "Join this channel to get access to members-only content like this video, and other exclusive perks.",
        "",
    ),
    "paid": ("This video requires payment to watch", ""),
    "age": ("Sign in to confirm your age", "This video may be inappropriate for some users."),
    "bot": ("Sign in to confirm you\u2019re not a bot", "This helps protect our community. Learn more"),
    "captcha": ("Confirm you\u2019re not a robot", ""),
    "rate_limited": ("This content isn't available, try again later.", ""),
    "upcoming": ("This live event will begin in 3 hours.", ""),
    "premiere": ("Premieres in 2 hours", ""),
    "live_ended": ("This live stream recording is not available.", ""),
}
"""Faults that the site describes in an answer with status 200."""

KINDS: Final = (
    *MESSAGES,
    # Described without a message of YouTube's.
    "sign_in",  # the message that yt-dlp has for sites that require an account
    "drm",
    "no_formats",
    "live",
    "playlist",
    # Of HTTP; besides these a status of three digits.
    "redirect",  # to itself; without end unless limited by `times`
    "hang_up",  # the connection is closed without an answer
    "silence",  # the connection stays open, and no answer comes
    "stall",  # half of it comes, then nothing
    "slow",  # `rate` bytes a second
    "truncated",  # half of what Content-Length promised, then the connection is cut
    # Half of it, and nothing says so: chunked, properly ended. Where yt-dlp requests a range, it then repeats that
    # without end and without a pause: limit it by `times`, or set `Clip.chunk` to None.
    "truncated_silently",
    "no_range",  # the whole file, whatever range was requested
    "html",  # a web page in place of the file
    "garbage",  # the right type and length, other bytes
    "empty",
)


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with the requests for a video.

    Attributes:
        kind: of KINDS, or a status such as "429".
        stage: of STAGES: which requests it concerns. What is described in an answer is for the first stage.
        after: so many requests succeed before it.
        times: then so many fail; None for all. Each caption track is counted by itself; a fault of the whole site
            counts all requests.
        retry_after: seconds that the answer's header of that name gives; None for no header.
        rate: bytes a second, for "slow".
        key: of the caption track that it concerns; "" for all.
        unless_cookie: a request that carries this ("name=value") succeeds.
    """

    kind: str
    stage: str = LOOK
    after: int = 0
    times: int | None = None
    retry_after: int | None = None
    rate: int = 16_384
    key: str = ""
    unless_cookie: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS and not (self.kind.isdecimal() and 400 <= int(self.kind) <= 599):
            raise ValueError(f"there is no fault {self.kind}: {', '.join(KINDS)}, or a status")
        if self.stage not in STAGES:
            raise ValueError(f"there is no stage {self.stage}: {', '.join(STAGES)}")
        if self.kind in IN_ANSWER and self.stage != LOOK:
            raise ValueError(f"{self.kind} is described with the information, not with the {self.stage}")

    @property
    def status(self) -> int:
        """The status that it answers with; 0 where it is not of that kind."""
        return int(self.kind) if self.kind.isdecimal() else 0


IN_ANSWER: Final = frozenset({*MESSAGES, "sign_in", "drm", "no_formats", "live", "playlist"})
"""Faults that the page or the API's answer describes."""
