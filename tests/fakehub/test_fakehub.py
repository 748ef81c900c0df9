"""The fake hub is what the client library takes for one: it commits, lists, reads, tags and deletes there."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, HfFileSystem, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile

from tests.fakehub.hub import READ_TOKEN, Answer, Drop, Hub

TAR = bytes(range(256)) * 4096


def api(hub: Hub, token: str | bool | None = None) -> HfApi:
    return HfApi(endpoint=hub.address, token=token)


def commit(hub: Hub, files: dict[str, bytes], *, parent: str | None = None) -> str:
    operations = [CommitOperationAdd(path, data) for path, data in files.items()]
    client = api(hub)
    client.create_repo("owner/name", repo_type="dataset", exist_ok=True)
    made = client.create_commit(
        "owner/name", operations, commit_message="data", repo_type="dataset", parent_commit=parent
    )
    return made.oid


def test_what_the_client_commits_is_listed_and_read(hub: Hub, tmp_path: Path) -> None:
    oid = commit(hub, {"data/000001.tar": TAR, "README.md": b"# Title\n"})
    assert hub.files("owner/name") == {"data/000001.tar": TAR, "README.md": b"# Title\n"}
    listed = api(hub).list_repo_tree("owner/name", repo_type="dataset", recursive=True)
    files = {file.path: file for file in listed if isinstance(file, RepoFile)}
    assert set(files) == {"data/000001.tar", "README.md", ".gitattributes"}
    assert files["data/000001.tar"].lfs and files["data/000001.tar"].lfs.size == len(TAR)
    for name, data in (("data/000001.tar", TAR), ("README.md", b"# Title\n")):
        place = hf_hub_download("owner/name", name, repo_type="dataset", revision=oid, cache_dir=tmp_path)
        assert Path(place).read_bytes() == data


def test_the_file_system_reads_ranges_of_a_large_file_from_the_cdn_which_gets_no_token(hub: Hub) -> None:
    hub.put("owner/name", {"data/000001.tar": TAR})
    files = HfFileSystem(endpoint=hub.address, skip_instance_cache=True)
    assert files.ls("datasets/owner/name/data", detail=False) == ["datasets/owner/name/data/000001.tar"]
    with files.open("datasets/owner/name/data/000001.tar", block_size=4096) as opened:
        opened.seek(1000)
        assert opened.read(500) == TAR[1000:1500]
    reads = hub.requests_for(r"/cdn/get/")
    assert reads
    assert {request.token for request in reads} == {""}
    assert all(request.host.startswith("localhost:") and request.range for request in reads)


def test_a_listing_comes_in_pages(hub: Hub) -> None:
    hub.page = 3
    hub.put("owner/name", {f"data/{number}.tar": b"tar" for number in range(10)})
    listed = api(hub).list_repo_tree("owner/name", repo_type="dataset", recursive=True)
    assert sum(isinstance(row, RepoFile) for row in listed) == 11
    assert len(hub.requests_for(r"/tree/")) == 4


def test_a_second_writer_is_refused(hub: Hub) -> None:
    first = commit(hub, {"a.txt": b"a"})
    commit(hub, {"b.txt": b"b"}, parent=first)
    with pytest.raises(HfHubHTTPError, match="A commit has happened since") as refused:
        commit(hub, {"c.txt": b"c"}, parent=first)
    assert refused.value.response.status_code == 412
    assert set(hub.files("owner/name")) == {"a.txt", "b.txt"}


def test_large_files_are_deleted_for_good_and_tags_stay(hub: Hub) -> None:
    commit(hub, {"1.tar": b"one", "2.tar": b"two"})
    client = api(hub)
    client.create_tag("owner/name", tag="v1", repo_type="dataset")
    found = [file for file in client.list_lfs_files("owner/name", repo_type="dataset") if file.filename == "1.tar"]
    client.permanently_delete_lfs_files("owner/name", found, repo_type="dataset")
    assert hub.files("owner/name") == hub.files("owner/name", "v1") == {"2.tar": b"two"}
    assert b"one" not in hub.blobs.values()


def test_who_may_not_see_or_write_gets_the_hubs_own_errors(hub: Hub) -> None:
    hub.put("owner/hidden", {"a.tar": b"a"}, private=True)
    hub.put("owner/asks", {"a.tar": b"a"})
    hub.gated.add("datasets/owner/asks")
    with pytest.raises(RepositoryNotFoundError):
        api(hub, token=False).dataset_info("owner/hidden")
    with pytest.raises(RepositoryNotFoundError):
        api(hub).dataset_info("owner/none")
    with pytest.raises(RevisionNotFoundError):
        api(hub).dataset_info("owner/asks", revision="v9")
    with pytest.raises(GatedRepoError):
        api(hub).get_hf_file_metadata(url=f"{hub.address}/datasets/owner/asks/resolve/main/a.tar")
    with pytest.raises(EntryNotFoundError):
        api(hub).get_hf_file_metadata(url=f"{hub.address}/datasets/owner/hidden/resolve/main/b.tar")
    with pytest.raises(HfHubHTTPError) as refused:
        api(hub, token=READ_TOKEN).create_repo("owner/new", repo_type="dataset")
    assert refused.value.response.status_code == 403


def test_a_fault_concerns_the_requests_that_it_was_made_for(hub: Hub) -> None:
    hub.put("owner/name", {"a.txt": b"a"})
    hub.fail(Answer(403), path=r"/revision/main", after=1)
    api(hub).dataset_info("owner/name", revision="main")
    with pytest.raises(HfHubHTTPError):
        api(hub).dataset_info("owner/name", revision="main")
    api(hub).dataset_info("owner/name", revision="main")


@pytest.mark.parametrize("fault", [Answer(504, after_doing=True), Drop(after_doing=True)], ids=["504", "dropped"])
def test_a_commit_may_go_through_although_the_answer_says_no(hub: Hub, fault: Answer | Drop) -> None:
    hub.fail(fault, path=r"/commit/main")
    # A dropped connection is an error of the client's HTTP library, which goes by different names.
    with pytest.raises(Exception, match=r"504|disconnected"):
        commit(hub, {"a.txt": b"a"})
    assert hub.files("owner/name") == {"a.txt": b"a"}
