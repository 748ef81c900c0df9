"""A data set of the hub as a source, against the fake hub."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from signverse.ingest.remote.sources.address import open_source
from signverse.ingest.remote.sources.http_limits import Limits
from signverse.ingest.remote.sources.protocols import RemoteFileError, SourceError, tars
from tests.fakehub.hub import WRITE_TOKEN, Altered, Answer, Cut, Drop, Hub
from tests.ingest.remote.sources.hub_source import TAR, source_of


def test_a_data_set_is_pinned_to_its_commit_and_listed_by_one_request(hub: Hub) -> None:
    with source_of(hub) as source:
        (oid,) = hub.repositories["datasets/owner/name"].branches["main"][-1:]
        assert source.revision == oid.oid
        assert source.address == "hf://datasets/owner/name"
        listed = tars(source.files())
        assert [(file.path, file.size) for file in listed] == [
            ("dataset/000001.tar", len(TAR)),
            ("dataset/000002.tar", 3),
        ]
        assert listed[0].oid == hashlib.sha256(TAR).hexdigest()
        # What is committed later is of another revision.
        hub.put("owner/name", {"dataset/000001.tar": b"later", "dataset/000003.tar": b"three"})
        assert source.open("dataset/000001.tar").pread(0, 10) == TAR[:10]
        assert len(hub.requests_for("/tree/")) == 1


def test_many_ranges_cost_one_resolve_and_the_token_reaches_the_hub_only(hub: Hub) -> None:
    with source_of(hub) as source:
        file = source.open("dataset/000001.tar")
        assert file.size == len(TAR)
        assert file.oid == hashlib.sha256(TAR).hexdigest()
        for start in range(0, 200_000, 9_999):
            assert file.pread(start, 100) == TAR[start : start + 100]
        assert (source.traffic.resolves, source.traffic.bytes) == (1, 2_100)
    assert len(hub.requests_for("/resolve/")) == 1
    for request in hub.requests:
        is_hub = request.host.startswith("127.0.0.1:")
        assert request.token == (f"Bearer {WRITE_TOKEN}" if is_hub else ""), request.path
    assert {request.host.partition(":")[0] for request in hub.requests_for("/cdn/")} == {"localhost"}
    assert source.traffic.requests == len(hub.requests)


def test_a_listing_of_many_pages_is_read_to_its_end(hub: Hub) -> None:
    hub.page = 3
    hub.put("owner/name", {f"dataset/{number:06}.tar": b"tar" for number in range(20)})
    with source_of(hub) as source:
        assert len(tars(source.files())) == 20


def test_who_may_not_read_is_shown_the_next_step(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.put("owner/hidden", {"1.tar": b"one"}, private=True)
    hub.put("owner/asks", {"1.tar": b"one"})
    hub.gated.add("datasets/owner/asks")
    with source_of(hub, "owner/hidden") as source:
        assert source.open("1.tar").pread(0, 3) == b"one"
    with source_of(hub, "owner/asks") as source, pytest.raises(SourceError, match="on request only") as raised:
        source.open("1.tar").pread(0, 3)
    assert f"{hub.address}/datasets/owner/asks" in raised.value.hint
    monkeypatch.setenv("HF_TOKEN", "hf_" + "wrong" * 5)
    with pytest.raises(SourceError, match="or it is private and the token may not read it") as raised:
        source_of(hub, "owner/hidden")
    assert "wrong" not in str(raised.value)
    monkeypatch.delenv("HF_TOKEN")
    for name in ("hidden", "none"):
        with pytest.raises(SourceError, match=f"owner/{name} .*or it is private and no token was sent") as raised:
            source_of(hub, f"owner/{name}")
        assert "hf auth login" in raised.value.hint
        assert "HF_TOKEN" in raised.value.hint


def test_an_expired_address_is_asked_for_once_more_and_bytes_are_not_read_twice(hub: Hub) -> None:
    with source_of(hub) as source:
        file = source.open("dataset/000001.tar")
        for start in range(0, 50_000, 10_000):
            assert file.pread(start, 100) == TAR[start : start + 100]
            hub.expire()
        assert (source.traffic.resolves, source.traffic.bytes) == (5, 500)


@pytest.mark.parametrize("status", [401, 403])
def test_a_storage_that_refuses_fresh_addresses_is_reported_after_two(hub: Hub, status: int) -> None:
    with source_of(hub) as source:
        hub.fail(Answer(status), path="/cdn/", times=None)
        with pytest.raises(RemoteFileError, match=f"two addresses in a row .*status {status}") as raised:
            source.open("dataset/000001.tar").pread(0, 10)
        assert "Signature" not in str(raised.value)
    assert len(hub.requests_for("/resolve/")) == 2


TRANSIENT = {
    "500": Answer(500),
    "502": Answer(502),
    "503": Answer(503),
    "504": Answer(504),
    "408": Answer(408),
    "429": Answer(429, {"Retry-After": "0"}),
    "429 without a time": Answer(429),
    "dropped": Drop(),
    "cut": Cut(5000),
    "cut at once": Cut(0),
    "416 inside of the file": Answer(416, {"Content-Range": f"bytes */{len(TAR)}"}),
    "shorter": Altered(lambda reply: replace(reply, body=reply.body[:-9])),
}


OF_RANGES = ("shorter", "416 inside of the file")
ANYWHERE = [(fault, path) for fault in TRANSIENT for path in ("/cdn/", "/resolve/", "/tree/", "/revision/")]


@pytest.mark.parametrize(
    ("fault", "path"), [(fault, path) for fault, path in ANYWHERE if path == "/cdn/" or fault not in OF_RANGES]
)
def test_what_breaks_is_asked_for_again_from_where_it_broke(hub: Hub, fault: str, path: str) -> None:
    source_of(hub).close()
    hub.clear_log()
    hub.fail(TRANSIENT[fault], path=path, times=2)
    with source_of(hub) as source:
        assert source.open("dataset/000001.tar").pread(1000, 200_000) == TAR[1000:201_000]
        assert source.traffic.resolves <= 3
        # Of a body that broke, what had come is not asked for again.
        assert source.traffic.bytes == 200_000
    if fault == "cut" and path == "/cdn/":
        starts = [request.range for request in hub.requests_for("/cdn/")]
        assert starts == ["bytes=1000-200999", "bytes=6000-200999", "bytes=11000-200999"]


@pytest.mark.parametrize("fault", [Answer(500), Drop(), Cut(100), Answer(429, {"Retry-After": "0"})], ids=str)
def test_what_keeps_breaking_names_the_file_and_the_byte(hub: Hub, fault: Answer | Drop | Cut) -> None:
    limits = Limits(wait_s=0.001, longest_wait_s=0.001, attempts=3)
    with source_of(hub, limits=limits) as source:
        hub.fail(fault, path="/cdn/", times=None)
        with pytest.raises(RemoteFileError, match=r"000001\.tar at byte 1,\d\d\d: .* 3 times in a row"):
            source.open("dataset/000001.tar").pread(1000, 200_000)


REFUSED = {
    "no ranges": (lambda reply: replace(reply, status=200, body=TAR), "knows no ranges"),
    "no Content-Range": (lambda reply: without(reply, "Content-Range"), "does not say which bytes"),
    "another range": (lambda reply: changed(reply, f"bytes 0-99/{len(TAR)}"), "sends bytes 0 to 99"),
    "a range beyond": (lambda reply: changed(reply, f"bytes 1000-2000/{len(TAR)}"), "sends bytes 1,000 to 2,000"),
    "another size": (lambda reply: changed(reply, "bytes 1000-1099/5000"), "another file by now"),
    "more bytes": (lambda reply: replace(reply, body=reply.body + b"more"), "sends more than it was asked for"),
    "packed": (lambda reply: with_header(reply, "Content-Encoding", "gzip"), "is sent packed"),
    "gone behind its end": (lambda reply: replace(changed(reply, "bytes */500"), status=416), "another file by now"),
    "precondition": (lambda reply: replace(reply, status=412), "another file by now"),
    "teapot": (lambda reply: replace(reply, status=418), "status 418"),
    "elsewhere": (lambda reply: moved(reply, "ftp://127.0.0.1/x"), "not a web address"),
    "to a file": (lambda reply: moved(reply, "file:///etc/passwd"), "not a web address"),
    "to itself": (lambda reply: moved(reply, "/cdn/get/" + "0" * 64), "on and on"),
}


def with_header(reply, name, value):
    return replace(reply, headers={**reply.headers, name: value})


def without(reply, name):
    return replace(reply, headers={key: value for key, value in reply.headers.items() if key != name})


def changed(reply, part):
    return with_header(reply, "Content-Range", part)


def moved(reply, where):
    return replace(with_header(reply, "Location", where), status=302, body=b"")


@pytest.mark.parametrize("fault", REFUSED)
def test_an_answer_that_is_not_what_was_asked_for_is_refused(hub: Hub, fault: str) -> None:
    change, why = REFUSED[fault]
    with source_of(hub) as source:
        file = source.open("dataset/000001.tar")
        hub.fail(Altered(change), path="/cdn/", times=None)
        with pytest.raises((RemoteFileError, SourceError), match=why) as raised:
            file.pread(1000, 100)
        assert WRITE_TOKEN not in str(raised.value)
        assert "Signature" not in str(raised.value)
        assert source.traffic.bytes <= 102


def test_another_file_in_the_middle_is_refused_whether_its_size_changes_or_not(hub: Hub) -> None:
    for data in (b"x" * len(TAR), TAR[:-1]):
        hub.repositories.clear()
        with source_of(hub) as source:
            file = source.open("dataset/000001.tar")
            file.pread(0, 10)
            commit = hub.repositories["datasets/owner/name"].branches["main"][-1]
            commit.files["dataset/000001.tar"] = hub.store("dataset/000001.tar", data)
            hub.expire()
            with pytest.raises(RemoteFileError, match="another file by now"):
                file.pread(10, 10)


def test_a_data_set_with_another_name_by_now_is_read_and_its_token_stays_with_the_hub(hub: Hub) -> None:
    """The hub leads from the earlier name to the later one, of its pages and its files."""
    source_of(hub).close()
    hub.put("owner/later", {"dataset/000001.tar": TAR})
    hub.repositories["datasets/owner/earlier"] = hub.repositories["datasets/owner/later"]

    oid = hub.repositories["datasets/owner/later"].branches["main"][-1].oid
    api, files = f"{hub.address}/api/datasets/owner/later", f"/datasets/owner/later/resolve/{oid}/dataset/000001.tar"
    hub.fail(Answer(307, {"Location": f"{api}/revision/main"}), path="/api/datasets/owner/earlier/revision/")
    hub.fail(Answer(307, {"Location": f"{api}/tree/{oid}?recursive=true"}), path="/api/datasets/owner/earlier/tree/")
    hub.fail(Answer(307, {"Location": files}), path="/datasets/owner/earlier/resolve/")
    with source_of(hub, "owner/earlier") as source:
        assert source.open("dataset/000001.tar").pread(500, 100) == TAR[500:600]
    assert {request.token for request in hub.requests if request.host.startswith("127.")} == {f"Bearer {WRITE_TOKEN}"}
    assert {request.token for request in hub.requests if request.host.startswith("localhost")} == {""}


def test_a_mirror_that_does_not_say_what_lies_behind_a_redirect_is_read(hub: Hub) -> None:
    """Its storage names the file by another ETag than the listing's sha256: the size and that ETag count."""

    def bare(reply):
        return without(without(reply, "X-Linked-Etag"), "X-Linked-Size")

    source_of(hub).close()
    hub.fail(Altered(bare), path="/resolve/", times=None)
    hub.fail(Altered(lambda reply: with_header(reply, "ETag", f'"{"ab" * 32}"')), path="/cdn/", times=5)
    with source_of(hub) as source:
        file = source.open("dataset/000001.tar")
        assert file.pread(500, 100) == TAR[500:600]
        assert file.oid == hashlib.sha256(TAR).hexdigest()
        hub.expire()
        assert file.pread(600, 100) == TAR[600:700]
        hub.expire()
        with pytest.raises(RemoteFileError, match="another file by now"):
            file.pread(0, 1)


def test_a_commit_or_a_tar_that_is_gone_is_said(hub: Hub) -> None:
    with source_of(hub) as source:
        file = source.open("dataset/000001.tar")
        commit = hub.repositories["datasets/owner/name"].branches["main"][-1]
        entry = commit.files.pop("dataset/000001.tar")
        with pytest.raises(RemoteFileError, match=r"000001\.tar is not there"):
            file.pread(0, 10)
        commit.files["dataset/000001.tar"] = entry
        hub.repositories["datasets/owner/name"].branches["main"].clear()
        hub.put("owner/other", {})
        hub.repositories["datasets/owner/name"].branches["main"] = hub.repositories["datasets/owner/other"].branches[
            "main"
        ]
        with pytest.raises(SourceError, match="has no revision"):
            file.pread(0, 10)


def test_one_pause_holds_for_all_streams(hub: Hub) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with source_of(hub) as source:
        files = [source.open("dataset/000001.tar") for _ in range(4)]
        assert [file.pread(0, 1) for file in files]
        hub.clear_log()
        hub.fail(Answer(429, {"RateLimit": '"resolvers";r=0;t=0'}), path="/cdn/")
        with ThreadPoolExecutor(4) as pool:
            assert len(list(pool.map(lambda number: files[number % 4].pread(number, 5), range(12)))) == 12
        # t = 0 and one more second: 12 ranges, and the one that was refused.
        assert len(hub.requests) == 13
        assert source.traffic.waits == 1
        assert 0.9 < source.traffic.waited_s < 1.5


def test_a_server_that_asks_for_hours_is_not_waited_for(hub: Hub) -> None:
    with source_of(hub) as source:
        hub.fail(Answer(429, {"Retry-After": "86400"}), path="/cdn/")
        with pytest.raises(RemoteFileError, match=r"asks to come back in 24\.0 hours"):
            source.open("dataset/000001.tar").pread(0, 10)


def test_names_that_lead_out_of_the_data_set_are_not_listed(hub: Hub) -> None:
    odd = ["../1.tar", "a/../../1.tar", "/etc/1.tar", "a\\1.tar", "a\x1b[31m.tar", "a//1.tar", "./1.tar", "a\n.tar"]
    hub.put("owner/name", dict.fromkeys(odd, b"tar") | {"à é/1 %20#?.tar": b"one"})
    with source_of(hub) as source:
        assert [file.path for file in tars(source.files())] == ["à é/1 %20#?.tar"]
        assert source.open("à é/1 %20#?.tar").pread(0, 3) == b"one"
        (remark,) = source.remarks
        assert "8 files not read, for their names" in remark
        assert remark.isprintable()


@pytest.mark.parametrize(
    "body", [b"<html>", b"[" * 100_000, b"[1, 2]", b'[{"type": "file"}]', b"{}", b"\xff"], ids=repr
)
def test_what_is_not_a_hub_is_said(hub: Hub, body: bytes) -> None:
    source_of(hub).close()
    hub.fail(Altered(lambda reply: replace(reply, body=body)), path="/tree/|/revision/", times=None)
    with pytest.raises(SourceError, match="does not answer as a hub"), source_of(hub) as source:
        source.files()


def test_a_listing_that_leads_to_another_server_or_in_a_circle_is_refused(hub: Hub) -> None:
    for link in ("http://localhost:1/next", f"{hub.address}/api/datasets/owner/name/tree/main?cursor=0"):
        source_of(hub).close()
        hub.fail(
            Altered(lambda reply, link=link: with_header(reply, "Link", f'<{link}>; rel="next"')),
            path="/tree/",
            times=None,
        )
        with source_of(hub) as source, pytest.raises(SourceError, match="without an end, or elsewhere"):
            source.files()
        hub.heal()


def test_offline_is_said_within_seconds(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    source_of(hub).close()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SourceError, match="cannot be reached: connection refused"):
        source_of(hub)
    monkeypatch.setenv("HF_ENDPOINT", "http://nowhere.invalid")
    with pytest.raises(SourceError, match="cannot be reached"):
        source_of(hub)
    monkeypatch.setattr(constants, "is_offline_mode", lambda: True)
    with pytest.raises(SourceError, match="HF_HUB_OFFLINE"):
        source_of(hub)


@pytest.mark.parametrize("address", ["owner/none", "owner/name@none", "hf://datasets/owner/name/none.tar"])
def test_a_password_in_the_address_of_the_hub_is_not_said(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    hub.put("owner/name", {"1.tar": b"one"})
    monkeypatch.setenv("HF_ENDPOINT", hub.address.replace("//", "//me:s3cret@"))
    with pytest.raises(SourceError) as raised, open_source(address) as source:
        source.files()
    assert "s3cret" not in str(raised.value)
