"""yt-dlp's extractor for the site of `tests.site.server`; it fails as that for YouTube does, with its messages.

yt-dlp finds it wherever `tests/site/plugins` is on Python's path.
"""

from __future__ import annotations

from typing import Any

from yt_dlp.extractor.common import InfoExtractor
from yt_dlp.extractor.youtube import YoutubeIE
from yt_dlp.networking.exceptions import HTTPError, network_exceptions
from yt_dlp.utils import ExtractorError, remove_end


class MadeSiteIE(InfoExtractor):
    _VALID_URL = r"(?P<site>https?://127\.0\.0\.1:\d+)/made/(?P<id>[\w-]+)(?:\?part=(?P<part>\d))?$"
    # As for YouTube: else yt-dlp repeats the request with an address of another country.
    _GEO_BYPASS = False
    # Behind YouTube's hint about cookies, which is taken from there.
    _COOKIE_HOWTO_WIKI_URL = YoutubeIE._COOKIE_HOWTO_WIKI_URL

    def _real_extract(self, url: str) -> dict[str, Any]:
        site, video_id, part = self._match_valid_url(url).group("site", "id", "part")
        answer = self._answer(f"{site}/api/{video_id}.json", video_id, {"part": part} if part else {})
        fault = answer["fault"]
        if entries := answer.get("entries"):
            return self.playlist_result(
                [self.url_result(one, MadeSiteIE) for one in entries], video_id, answer["title"]
            )
        if fault == "sign_in":
            self.raise_login_required()
        if fault == "drm":
            self.report_drm(video_id)
        if not answer["formats"] and answer.get("reason"):
            self._refuse(answer["reason"], answer["subreason"], fault)
        status = {"live": "is_live", "upcoming": "is_upcoming", "premiere": "is_upcoming"}.get(fault, "not_live")
        return {
            "id": f"{video_id}-{part}" if part else video_id,
            **{key: answer[key] for key in ("title", "channel", "channel_id", "duration", "language")},
            "formats": answer["formats"],
            "subtitles": answer.get("subtitles", {}),
            "automatic_captions": answer.get("automatic_captions", {}),
            "live_status": status,
        }

    def _answer(self, url: str, video_id: str, query: dict[str, str]) -> dict[str, Any]:
        """The API's answer, requested as often as YouTube's is."""
        for retry in self.RetryManager():
            try:
                return self._download_json(
                    url, video_id, "Downloading API JSON", "Unable to download API page", query=query
                )
            except ExtractorError as error:
                refused = isinstance(error.cause, HTTPError) and error.cause.status in (403, 429)
                if refused or not isinstance(error.cause, network_exceptions):
                    raise
                retry.error = error
        raise AssertionError("the last try returns or raises")

    def _refuse(self, reason: str, subreason: str, fault: str) -> None:
        """Raises as YoutubeIE does where there is nothing to play."""
        if subreason:
            if fault == "region":
                self.raise_geo_restricted(subreason, ["DE", "AT"], metadata_available=True)
            reason += f". {subreason}"
        if "sign in" in reason.lower():
            reason = remove_end(reason, "This helps protect our community. Learn more")
            hint = YoutubeIE._youtube_login_hint.fget(self)
            reason = f"{remove_end(reason.strip(), '.')}. {hint}"
        elif fault == "captcha":
            reason += ". YouTube is requiring a captcha challenge before playback"
        elif "This content isn't available, try again later" in reason:
            reason = (
                f"{remove_end(reason.strip(), '.')}. The current session has been rate-limited by YouTube for up to an "
                "hour. It is recommended to use `-t sleep` to add a delay between video requests to avoid exceeding "
                "the rate limit. For more information, refer to  "
                "https://github.com/yt-dlp/yt-dlp/wiki/Extractors#this-content-isnt-available-try-again-later"
            )
        self.raise_no_formats(reason, expected=True)
