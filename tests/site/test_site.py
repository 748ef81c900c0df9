"""The site for tests serves clips, captions and faults as the real ones do."""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import av
import pytest

from tests.site.caption_text import human_vtt, to_format
from tests.site.faults import CAPTIONS, MEDIA
from tests.site.population import manifest, population
from tests.site.server import ALL, Captions, Clip, Fault, Site
from tests.site.simple_clips import VIDEO, clip, fetch, status_of
from tests.site.videos import small_video


@pytest.fixture
def site() -> Iterator[Site]:
    with Site([clip("one")]) as site:
        yield site


def test_troubles_come_late_go_by_and_can_be_mended(site: Site) -> None:
    api, track = f"{site.address}/api/one.json", f"{site.address}/captions/one/en.vtt"
    site.set_faults("one", Fault("429", after=1, times=2, retry_after=7), Fault("500", CAPTIONS))
    assert [status_of(api) for _ in range(4)] == [200, 429, 429, 200]
    assert status_of(track) == 500
    site.clear_faults("one")
    assert status_of(track) == 200
    site.set_faults(ALL, Fault("403"))
    assert status_of(api) == 403


def test_each_caption_track_has_a_count_of_its_own() -> None:
    tracks = (Captions("en"), Captions("de"))
    with Site([Clip("one", VIDEO, tracks, Fault("429", CAPTIONS, times=1))]) as site:
        paths = [f"{site.address}/captions/one/{key}.vtt" for key in ("en", "en", "de", "de")]
        assert [status_of(path) for path in paths] == [429, 200, 429, 200]


def test_a_cookie_opens_what_is_for_members(site: Site) -> None:
    site.set_faults("one", Fault("403", unless_cookie="member=yes"))
    api = f"{site.address}/api/one.json"
    assert (status_of(api), status_of(api, Cookie="member=yes")) == (403, 200)
    assert site.requests[-1].cookie == "member=yes"


def test_retry_after_is_sent_where_it_is_wanted(site: Site) -> None:
    site.set_faults("one", Fault("429", retry_after=7, times=1), Fault("429"))
    for expected in ("7", None):
        with pytest.raises(urllib.error.HTTPError) as error:
            fetch(f"{site.address}/api/one.json")
        assert error.value.headers["Retry-After"] == expected
        error.value.close()


@pytest.mark.parametrize(
    ("wanted", "start", "stop"), [("bytes=10-19", 10, 20), ("bytes=100-", 100, None), ("bytes=-5", -5, None)]
)
def test_parts_of_a_file_can_be_asked_for(site: Site, wanted: str, start: int, stop: int | None) -> None:
    assert fetch(f"{site.address}/media/one.mp4", Range=wanted) == VIDEO[start:stop]
    assert site.requests[-1].status == 206
    assert status_of(f"{site.address}/media/one.mp4", Range=f"bytes={len(VIDEO)}-") == 416


def test_a_connection_is_kept_and_counted(site: Site) -> None:
    host = urlsplit(site.address)
    kept = http.client.HTTPConnection(str(host.hostname), host.port)
    for path in ("/api/one.json", "/captions/one/en.vtt", "/nothing"):
        kept.request("GET", path)
        kept.getresponse().read()
    kept.close()
    assert [one.status for one in site.requests] == [200, 200, 404]
    assert (site.connections_of("one"), site.max_connections) == (1, 1)
    fetch(f"{site.address}/api/one.json")
    assert site.connections_of("one") == 2


def test_it_is_a_proxy_for_itself(site: Site) -> None:
    host = urlsplit(site.address)
    through = http.client.HTTPConnection(str(host.hostname), host.port)
    through.request("GET", "http://made.example/api/one.json")
    assert through.getresponse().status == 200
    through.close()
    assert site.requests[0].path == "http://made.example/api/one.json"


def test_a_video_may_be_a_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / "two.mp4").write_bytes(VIDEO)
    site.add(Clip("two", tmp_path / "two.mp4"))
    assert fetch(f"{site.address}/media/two.mp4", Range="bytes=9-") == VIDEO[9:]


def test_two_at_once_for_one_video_are_seen(site: Site) -> None:
    site.set_faults("one", Fault("slow", MEDIA, rate=20_000))
    both = [threading.Thread(target=fetch, args=(f"{site.address}/media/one.mp4",)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert site.max_concurrent_for("one") == site.max_concurrent == site.max_connections == 2
    assert site.bytes_sent("one") == 2 * len(VIDEO)


def test_a_site_closes_while_clients_wait() -> None:
    with Site([clip("one", Fault("silence", MEDIA))]) as site:
        host = urlsplit(site.address)
        waiting = http.client.HTTPConnection(str(host.hostname), host.port, timeout=10)
        waiting.request("GET", "/media/one.mp4")
        site.wait_for("one", MEDIA)
    with pytest.raises(http.client.RemoteDisconnected):
        waiting.getresponse()
    waiting.close()


def test_a_population_is_the_same_each_time_and_has_its_share_of_troubles() -> None:
    shares = {Fault("deleted"): 0.2, Fault("429", CAPTIONS, times=1): 0.1}
    clips = population(500, [VIDEO], faults=shares)
    assert clips == population(500, [VIDEO], faults=shares)
    assert clips != population(500, [VIDEO], faults=shares, seed=1)
    assert len({clip.video_id for clip in clips}) == 500
    assert 60 < sum(clip.fault == Fault("deleted") for clip in clips) < 140
    assert {track.kind for clip in clips for track in clip.tracks} == {"manual", "automatic", "translated"}
    with Site(clips) as site:
        lines = manifest(site, clips).splitlines()
    assert len(lines) == 501
    assert lines[1] == f"{clips[0].video_id},ase,{site.url(clips[0].video_id)}"


def test_small_videos_are_real(tmp_path: Path) -> None:
    path = tmp_path / "small.mp4"
    path.write_bytes(small_video(3.0, (64, 48)))
    assert path.stat().st_size < 6000
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 64, 48)
        assert sum(1 for _ in container.decode(stream)) == 72


def test_captions_have_other_forms() -> None:
    vtt = human_vtt("One.", "Two.")
    assert to_format(vtt, "srt").startswith(b"1\n00:00:00,000 --> 00:00:01,000\nOne.\n\n2\n")
    assert b'"tStartMs": 1000, "dDurationMs": 1000, "segs": [{"utf8": "Two."}]' in to_format(vtt, "json3")
