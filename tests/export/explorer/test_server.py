"""What the server answers to its page, and to what is not its page."""

from __future__ import annotations

import json
import shutil
import struct

import numpy as np
import polars as pl
import pytest

from signverse.export.explorer.clips.details import repair_in_words
from signverse.lake.query.selection_file import read_selection_file
from tests.export.conftest import Video, fill
from tests.export.explorer.conftest import HOSTILE, moving

ATTACKS = {
    "a name that is made to point here": {"Host": "evil.example:80"},
    "our address under another port": {"Host": "127.0.0.1:1"},
    "a host without its port": {"Host": "127.0.0.1"},
    "no host": {"Host": None},
    "a script of another site": {"Origin": "https://evil.example"},
    "a page in a sandbox": {"Origin": "null"},
    "the same host under https": {"Origin": "https://{host}"},
    "a picture in another site's page": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    "another server of this machine": {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    "an odd word": {"Sec-Fetch-Site": "none, cross-site"},
    "a frame in another site's page": {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "iframe",
    },
}


@pytest.mark.parametrize("path", ["/", "/api/rows", "/api/about", "/static/main.js", "/api/nothing"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_another_site_gets_nothing(served, path, attack):
    headers = {name: value and value.replace("{host}", served.host) for name, value in ATTACKS[attack].items()}
    answer = served.ask(path, headers=headers)
    assert answer.status in {400, 403}
    assert len(answer.body) < 100
    assert "access-control-allow-origin" not in answer.headers


def test_a_link_from_another_site_opens_the_page_and_nothing_else(served):
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert served.ask("/?text=water", headers=followed).status == 200
    assert served.ask("/api/rows?text=water", headers=followed).status == 403
    assert served.ask("/", "POST", b"{}", headers=followed).status == 403


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_the_names_of_this_machine_are_served(served, name):
    port = served.host.rpartition(":")[2]
    assert served.ask("/", headers={"Host": f"{name}:{port}"}).status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_other_methods_are_refused(served, method):
    assert served.ask("/api/picks", method).status == 405


@pytest.mark.parametrize(
    "path",
    [
        *("/static/../server.py", "/static/..%2fserver.py", "/static/%2e%2e/server.py", "/static//etc/passwd"),
        *("/static/..%5cserver.py", "/static/main.js%00", "/static/", "/static/index.html", "/../../etc/passwd"),
        *("/static/%2fetc%2fpasswd", "/static/....//server.py"),
    ],
)
def test_no_path_leaves_the_folder_of_the_page(served, path):
    assert served.ask(path).status == 404


@pytest.mark.parametrize("id", ["../../etc/passwd-00000", "stranger-00000", "/etc/passwd", "hebrew-00000", "x\0-00000"])
def test_media_are_looked_up_by_clips_of_the_lake(served, id):
    answer = served.api("media", id=id)
    assert answer.status in {400, 404}
    assert b"not in the lake" not in answer.body


def test_every_answer_says_what_a_browser_may_do_with_it(served):
    for path in ("/", "/static/main.js", "/api/rows", "/nothing", "/api/rows?min-people=x"):
        headers = served.ask(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Signverse_Token": None},
        {"X_Signverse_Token": ""},
        {"X_Signverse_Token": "guess"},
        {"X_Signverse_Token": "\u00e9"},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Type": None},
        {"Origin": "http://evil.example"},
    ],
)
def test_only_the_page_changes_something(served, headers):
    for name in ("picks", "reload"):
        assert served.post(name, {"add": ["hebrew-00000"]}, **headers).status in {403, 415}
    assert not served.picks.exists()


@pytest.mark.parametrize(
    "given",
    [
        *(
            [],
            {},
            7,
            {"add": "hebrew-00000"},
            {"add": [1]},
            {"add": ["../x-00000"]},
            {"add": ["hebrew-0"]},
            {"add": []},
        ),
        *(
            {"remove": ["absent-00000"]},
            {"add": None},
            {"picked": ["hebrew-00000"]},
            {"add": ["hebrew-00000"], "to": "x"},
        ),
    ],
)
def test_what_is_not_a_list_of_clips_is_not_picked(served, given):
    assert served.post("picks", given).status == 400
    assert not served.picks.exists()


def test_a_body_may_not_be_endless_nor_deep(served):
    headers = {"X-Signverse-Token": served.token(), "Content-Type": "application/json"}
    assert served.ask("/api/picks", "POST", b"[" * 100_000, headers).status == 400
    assert served.ask("/api/picks", "POST", b" " * (3 << 20), headers).status == 413


def test_captions_come_as_json_and_never_as_a_page(served):
    answer = served.api("rows", text="onerror")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["rows"][0]["text"] == HOSTILE
    assert HOSTILE.encode() not in served.ask("/?text=%3Cscript%3E").body


@pytest.mark.parametrize(
    "path",
    [
        *("/api/rows?start=-1", "/api/rows?count=x", "/api/rows?nothing=1", "/api/rows?where=1)%20or%20(1"),
        *("/api/thumbs", "/api/thumbs?rows=a", "/api/thumbs?rows=999999", "/api/thumbs?rows=-1", "/api/clip?id=x"),
        *("/api/thumbs?rows=" + ",".join(["1"] * 500), "/api/points", "/api/rows?where=read_text('/etc/passwd')=''"),
        *("/api/rows?text=%ff%fe", "/api/points?id=hebrew-00000&start=1e3"),
    ],
)
def test_a_question_that_means_nothing_has_one_line_as_its_answer(served, path):
    answer = served.ask(path)
    assert answer.status == 400 or (answer.status == 200 and "%ff" in path)
    assert answer.status == 200 or answer.json["error"].count("\n") == 0


@pytest.mark.parametrize(
    "query",
    [
        "",
        "select 1; select 2",
        "drop table videos",
        "copy videos to 'x.csv'",
        "from read_text('/etc/passwd')",
        "from x",
    ],
)
def test_the_sql_box_reads_the_lake_and_nothing_else(served, query):
    assert served.api("sql", query=query).status == 400


def test_reports_and_sql_are_tables_of_texts(served):
    got = served.api("sql", query="select video_id, null, 1.5 from videos order by 1 limit 2").json
    assert (got["rows"], got["more"]) == ([["-dash.b", None, "1.5"], ["hebrew", None, "1.5"]], False)
    names = {report["name"] for report in served.api("reports").json}
    assert {"languages", "quality", "balance"} <= names
    for name in names:
        answer = served.ask(f"/api/reports?name={name}")
        assert answer.status == 200 and answer.json["rows"], name
    assert served.ask("/api/reports?name=../languages").status == 400


def test_of_a_statement_without_end_the_first_rows_are_shown(served):
    got = served.api("sql", query="from range(1000000000000)").json
    assert (len(got["rows"]), got["rows"][-1], got["more"]) == (500, ["499"], True)


def test_rows_say_how_many_clips_and_frames_remain(served):
    got = served.api("rows", text="water", count=2).json
    assert [row["id"] for row in got["rows"]] == ["-dash.b-00000", "-dash.b-00002"]
    assert (got["clips"], got["videos"], got["frames"]) == (3, 2, 72)
    assert served.api("rows", text="water", start=2).json["rows"][0]["id"] == "hebrew-00001"
    assert served.api("rows", id="many100-00000").json["place"] == 105


def test_a_clip_has_its_captions_neighbours_and_video(served):
    got = served.api("clip", id="-dash.b-00001").json
    assert (got["text"], got["video"]["title"], got["media"]) == (HOSTILE, "<b>bold</b>", True)
    assert [row["id"] for row in got["neighbours"]] == [f"-dash.b-{i:05d}" for i in range(3)]
    cues = served.api("captions", id="-dash.b-00001").json
    assert [(cue["start_s"], cue["text"]) for cue in cues] == [(0.0, HOSTILE)]


def test_points_are_the_lakes_own_to_an_eighth_of_a_pixel(served, shown):
    body = served.api("points", id="-dash.b-00001").body
    magic, frames, people, joints, unit = struct.unpack_from("<4sIHHf", body)
    assert (magic, frames, people, joints, unit) == (b"SVK1", 24, 2, 128, 0.125)
    xy = np.frombuffer(body, "<i2", frames * people * joints * 2, 16 + 4).reshape(people, frames, joints, 2)
    scores = np.frombuffer(body, np.uint8, frames * people * joints, 20 + xy.nbytes).reshape(people, frames, joints)
    for person in range(2):
        points = shown.keypoints("-dash.b", start_frame=24, end_frame=48, person=person)
        np.testing.assert_array_equal(xy[person] * unit, points[..., :2])
        np.testing.assert_allclose(scores[person] / 200, points[..., 2], atol=0.003)
    assert len(body) == 20 + xy.nbytes + scores.nbytes
    # Four seconds of one person have to stay below 64 kB.
    assert 16 + 2 + 96 * 128 * 5 < 64_000


def test_a_frame_larger_than_an_eighth_can_say_has_larger_steps(serve, tmp_path):
    points = moving(2)
    points[0, 0][5, :2] = (9000.5, -20000)
    lake = fill(tmp_path / "lake", [Video("large", 2, points)])
    body = serve(lake.folder).api("points", id="large-00000").body
    unit = struct.unpack_from("<4sIHHf", body)[4]
    xy = np.frombuffer(body, "<i2", 2 * 128 * 2, 20).reshape(2, 128, 2) * unit
    np.testing.assert_allclose(xy[0, 5], (9000.5, -20000), atol=unit)


def test_middle_frames_say_where_nobody_is(served):
    body = served.api("thumbs", rows="0,5").body
    count = struct.unpack_from("<4sI", body)[1]
    about = np.frombuffer(body, "<u2", 4 * count, 8).reshape(count, 4)
    assert about.tolist() == [[320, 240, 0, 0], [320, 240, 1, 0]]


def test_the_video_is_read_by_ranges(served):
    whole = (served.media / "-dash.b.mp4").read_bytes()
    answer = served.ask("/api/media?id=-dash.b-00000", headers={"Range": "bytes=10-19"})
    assert (answer.status, answer.body, answer.headers["content-type"]) == (206, whole[10:20], "video/mp4")


def test_picks_are_a_selection_file_as_select_writes_it(serve, shown, signverse, tmp_path):
    server = serve(shown.folder)
    server.post("picks", {"add": ["hebrew-00001", "silent-00000"]})
    answer = server.post("picks", {"add": ["-dash.b-00000"], "remove": ["silent-00000"]})
    assert answer.json["picked"] == ["-dash.b-00000", "hebrew-00001"]
    picked = read_selection_file(server.picks)
    assert picked["segment_id"].to_list() == ["-dash.b-00000", "hebrew-00001"]
    assert set(server.api("picks").json["picked"]) == {"-dash.b-00000", "hebrew-00001"}
    code, _, err = signverse("select", "--lake", shown.folder, "--video", "hebrew", "-o", tmp_path / "select.parquet")
    assert code == 0, err
    theirs = pl.read_parquet(tmp_path / "select.parquet")
    assert pl.read_parquet(server.picks).schema == theirs.schema
    code, _, err = signverse(
        "export", "webdataset", "--lake", shown.folder, "--selection", server.picks, "--out", tmp_path / "out"
    )
    assert code == 0, err
    assert "2 clips" in err


def test_a_file_of_picks_of_another_lake_is_not_written_over(serve, shown, tmp_path):
    other = serve(fill(tmp_path / "other", [Video("elsewhere", 5, {})]).folder)
    assert other.post("picks", {"add": ["elsewhere-00000"]}).status == 200
    before = other.picks.read_bytes()
    here = serve(shown.folder, picks=other.picks)
    assert "not in this lake" in here.api("picks").json["error"]
    assert here.post("picks", {"add": ["hebrew-00000"]}).status == 400
    assert other.picks.read_bytes() == before


def test_a_lake_that_changes_under_the_page_is_said_to_have_changed(serve, tmp_path):
    lake = fill(tmp_path / "lake", [Video("first", 5, {})])
    server = serve(lake.folder)
    version = server.api("about").json["version"]
    fill(tmp_path / "lake", [Video("second", 5, {})])
    state = server.api("state").json
    assert state["version"] == version < state["newest"]
    assert server.api("rows", v=version).json["clips"] == 1
    assert server.post("reload", {}).json["version"] == state["newest"]
    old = server.api("rows", v=version)
    assert (old.status, old.json["changed"]) == (409, True)
    assert server.api("rows", v=state["newest"]).json["clips"] == 2


def test_another_lake_in_its_place_is_a_change_though_its_version_is_the_same(serve, tmp_path):
    lake = fill(tmp_path / "lake", [Video("first", 5, {})])
    server = serve(lake.folder)
    version = server.api("about").json["version"]
    assert server.api("state").json["newest"] == version
    shutil.rmtree(lake.folder)
    assert fill(tmp_path / "lake", [Video("other", 5, {})]).version == version
    assert server.api("state").json["newest"] != version
    server.post("reload", {})
    assert server.api("state").json["newest"] == version
    assert [row["id"] for row in server.api("rows").json["rows"]] == ["other-00000"]


def test_one_damaged_file_costs_its_own_clips_only(serve, tmp_path):
    lake = fill(tmp_path / "lake", [Video("whole", 24, moving(24), language="ase")])
    fill(tmp_path / "lake", [Video("broken", 24, moving(24), language="pso")])
    file = next((tmp_path / "lake" / "keypoints").glob("sign_language=pso/*.parquet"))
    data = bytearray(file.read_bytes())
    data[4 : len(data) // 2] = bytes(len(data) // 2 - 4)
    file.write_bytes(data)
    server = serve(lake.folder)
    body = server.api("thumbs", rows="0,1").body
    states = np.frombuffer(body, "<u2", 8, 8).reshape(2, 4)[:, 2]
    assert states.tolist() == [2, 0]
    assert server.api("points", id="broken-00000").status == 500
    assert "broken" in json.dumps(server.api("clip", id="broken-00000").json)
    assert server.api("points", id="whole-00000").status == 200


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("frames_out_of_order", "Frames were out of order; they are sorted."),
        ("impossible_scores:1234", "1,234 scores were impossible and are unknown now."),
        ("impossible_scores:<b>", "impossible_scores:<b>"),
        ("the frame size changed at 3 s", "the frame size changed at 3 s"),
    ],
)
def test_repairs_are_told_in_words(entry, words):
    assert repair_in_words(entry) == words


def test_beyond_this_machine_each_request_needs_the_key(serve, shown):
    server = serve(shown.folder, host="0.0.0.0")
    port = server.host.rpartition(":")[2]
    key = server.address.partition("?key=")[2]
    server.address = f"http://127.0.0.1:{port}/"
    assert len(key) > 20
    for path in ("/", "/api/rows", "/?key=guess", f"/api/rows?key={key}", "/static/main.js"):
        assert server.ask(path).status == 401, path
    opened = server.ask(f"/?key={key}")
    assert (opened.status, opened.headers["location"]) == (303, "/")
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    server.headers = {"Cookie": cookie.split(";")[0]}
    assert server.ask("/").status == 200
    assert server.api("rows").status == 200
    server.headers = {"Cookie": "signverse_key=guess"}
    assert server.ask("/api/rows").status == 401
