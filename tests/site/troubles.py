"""What can go wrong with a video on a site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LOOK, CAPTIONS, MEDIA = STAGES = ("look", "captions", "media")
"""What a request is for: the page or the API's answer, a caption track, the video itself."""

SAID: Final = {
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
"""Troubles that the site tells in words while it answers 200."""

KINDS: Final = (
    *SAID,
    # Said without words of YouTube's.
    "sign_in",  # the words that yt-dlp has for sites that want one to sign in
    "drm",
    "no_formats",
    "live",
    "playlist",
    # Of HTTP, besides three digits: a status.
    "redirect",  # to itself; for ever where it is not limited by `times`
    "hang_up",  # the connection is closed without an answer
    "silence",  # the connection stays, the answer does not come
    "stall",  # half of it comes, then nothing
    "slow",  # `rate` bytes a second
    "truncated",  # half of what Content-Length promised, then the connection is cut
    # Half of it, and nothing says so: chunked, properly ended. yt-dlp, where it asks for a part, then asks again for
    # ever, without a pause: limit it by `times`, or set `Clip.chunk` to None.
    "truncated_silently",
    "no_range",  # the whole, whatever part was asked for
    "html",  # a page where something else should be
    "garbage",  # the right type and length, other bytes
    "empty",
)


@dataclass(frozen=True)
class Trouble:
    """Something that goes wrong when a video is asked for.

    Attributes:
        kind: of KINDS, or a status such as "429".
        stage: of STAGES: which requests it is for. What is said in words is for the first stage.
        after: so many requests pass before it.
        times: then so many are troubled; None for all. Captions are counted for each track, what all videos share over
            all requests.
        retry_after: seconds that the answer's header of that name gives; None for no header.
        rate: bytes a second, for "slow".
        key: of the caption track that is meant; "" for all.
        unless_cookie: a request that carries this ("name=value") is spared.
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
            raise ValueError(f"no trouble is called {self.kind}: {', '.join(KINDS)}, or a status")
        if self.stage not in STAGES:
            raise ValueError(f"no stage is called {self.stage}: {', '.join(STAGES)}")
        if self.kind in TOLD and self.stage != LOOK:
            raise ValueError(f"{self.kind} is told when one looks, not with the {self.stage}")

    @property
    def status(self) -> int:
        """The status that it answers with; 0 where it is not of that kind."""
        return int(self.kind) if self.kind.isdecimal() else 0


TOLD: Final = frozenset({*SAID, "sign_in", "drm", "no_formats", "live", "playlist"})
"""Troubles that the page or the API's answer tells of."""
