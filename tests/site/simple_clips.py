"""Clips of the site that differ in their faults only, and requests for them."""

from __future__ import annotations

import urllib.error
import urllib.request

from tests.site.server import Captions, Clip, Fault
from tests.site.videos import small_video

VIDEO = small_video(8.0)


def clip(name: str, *faults: Fault, **more: object) -> Clip:
    return Clip(name, VIDEO, (Captions(),), faults, **more)  # type: ignore[arg-type]


def fetch(address: str, **headers: str) -> bytes:
    request = urllib.request.Request(address, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as response:
        return bytes(response.read())


def status_of(address: str, **headers: str) -> int:
    try:
        fetch(address, **headers)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    return 200
