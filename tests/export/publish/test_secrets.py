"""No token is printed, stored or sent anywhere but to the hub, and nothing that looks like a secret is published."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.export.publish.client.credentials import redacted
from signverse.export.publish.content import of_bytes
from signverse.export.publish.secrets import TEXTS, refuse_secret_texts, secret_name
from signverse.lake.model.errors import BadInputError
from tests.export.publish.conftest import LICENCE
from tests.export.publish.test_publish import Command
from tests.fakehub.hub import WRITE_TOKEN, Answer, Hub

NAMES = [
    *(
        ".env",
        ".env.local",
        "prod.env",
        ".netrc",
        "_netrc",
        ".npmrc",
        ".pypirc",
        ".git-credentials",
        "id_rsa",
        "id_rsa.pub",
    ),
    *("id_ed25519", "server.pem", "private.key", "keys.p12", "store.jks", "credentials.json", "aws_credentials.json"),
    *("service-account-prod.json", "client_secret_1.json", "cookies.txt", "youtube_cookies.txt", "cookies.sqlite"),
    *("token", "hub.token", ".ssh/config", ".aws/credentials", "data/.env", "Cookies.TXT", "SERVER.PEM", ".htpasswd"),
]

SECRETS = [
    *(
        "hf_" + "a1B2" * 9,
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----",
        "AKIA" + "ABCD1234" * 2,
    ),
    *(
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "a1_2" * 9,
        "glpat-" + "a1-2" * 6,
        "xoxb-1234567890-abc",
        "sk-" + "a1B2" * 10,
    ),
    *("AIza" + "a1B2_" * 7, "# Netscape HTTP Cookie File", "# HTTP Cookie File"),
]

PUBLIC = [
    *(
        "README.md",
        "index.csv",
        "SHA256SUMS",
        "croissant.json",
        "Sign_DWPose_NPZ_000001.tar",
        "data/part-00000.parquet",
    ),
    *(
        "signverse-000000.tar",
        "statistics.json",
        "keypoints/sign_language=ase/part-1.parquet",
        "videos/_delta_log/0.json",
    ),
]


@pytest.mark.parametrize("name", NAMES)
def test_files_that_hold_secrets_are_known_by_their_names(name: str) -> None:
    assert secret_name(name)


@pytest.mark.parametrize("name", PUBLIC)
def test_files_of_exports_are_no_secrets(name: str) -> None:
    assert not secret_name(name)


@pytest.mark.parametrize("secret", SECRETS)
def test_texts_that_hold_secrets_are_known(secret: str) -> None:
    assert TEXTS.search(f"a: {secret}\n".encode())


@given(st.text(alphabet=st.characters(codec="ascii", categories=["Lu", "Ll", "Nd"]), min_size=11, max_size=11))
def test_an_id_of_a_video_is_no_secret(video_id: str) -> None:
    assert not TEXTS.search(f"{video_id}-00001,{video_id},hf_{video_id[:8]},a,1,{'0' * 64}\n".encode())


@given(st.text(), st.text(), st.text(alphabet="abcXYZ019", min_size=20, max_size=40))
def test_a_message_never_holds_the_token(before: str, after: str, rest: str) -> None:
    for token in (f"hf_{rest}", f"api_org_{rest}", rest):
        assert token not in redacted(f"{before}{token}{after}", token)


@pytest.mark.parametrize(
    "name", [".env", "id_rsa", "data/cookies.txt", "notes.md", "Sign_DWPose_NPZ_000099.tar", ".ssh/config"]
)
def test_what_is_not_of_the_export_is_refused_by_its_name_before_the_hub_is_asked(
    name: str, hub: Hub, export: Callable[..., Path], signverse: Command
) -> None:
    folder = export("shards")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("secret words")
    code, out, err = signverse("publish", folder, "owner/poses", *LICENCE)
    assert (code, out) == (1, "") and name in err and "secret words" not in err
    assert not hub.requests


@pytest.mark.parametrize("secret", [*SECRETS[:4], WRITE_TOKEN])
def test_a_card_with_a_token_in_it_is_refused_and_the_token_not_said(
    secret: str, hub: Hub, export: Callable[..., Path], signverse: Command
) -> None:
    folder = export("parquet")
    (folder / "README.md").write_text(f"---\nlicense: mit\n---\n\n# Mine\n\nlogin with {secret}\n")
    code, _, err = signverse("publish", folder, "owner/poses")
    assert code == 1 and "README.md" in err and secret not in err and not hub.requests


TOKENS = ["hf_with blank" + "a" * 20, "hf_" + "\N{GREEK SMALL LETTER ALPHA}" * 20, "hf_a\x07" + "b" * 20]


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_that_cannot_be_one_is_refused_and_not_said(
    token: str, hub: Hub, written: Callable[[str], Path], signverse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setenv("SIGNVERSE_TRACEBACK", "1")
    code, out, err = signverse("publish", written("shards"), "owner/poses", *LICENCE)
    assert code == 1 and token[:8] not in out + err and len(err.splitlines()) == 1
    assert not hub.requests


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 500])
def test_what_a_server_says_back_is_shown_without_the_token(
    status: int, hub: Hub, written: Callable[[str], Path], signverse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNVERSE_TRACEBACK", "1")
    hub.fail(Answer(status, message=f"Bearer {WRITE_TOKEN} may not, see http://h/x?Signature=abc"), times=None)
    code, out, err = signverse("publish", written("shards"), "owner/poses", *LICENCE)
    assert code == 1 and WRITE_TOKEN not in out + err and "Signature" not in out + err


def test_no_file_here_or_there_holds_the_token(
    hub: Hub, export: Callable[..., Path], tmp_path: Path, signverse: Command
) -> None:
    folder = export("parquet")
    assert signverse("publish", folder, "owner/poses", *LICENCE, "--dry-run", "--out", tmp_path / "card")[0] == 0
    assert signverse("publish", folder, "owner/poses", *LICENCE, "--tag", "v1")[0] == 0
    for where, _, names in os.walk(tmp_path):
        for name in names:
            assert WRITE_TOKEN.encode() not in Path(where, name).read_bytes(), name
    assert not [blob for blob in hub.blobs.values() if WRITE_TOKEN.encode() in blob]
    assert {request.token for request in hub.requests} <= {f"Bearer {WRITE_TOKEN}", ""}
    assert not [request for request in hub.requests if request.token and request.host.startswith("localhost")]


@pytest.mark.parametrize("at", [0, (4 << 20) - 10, (4 << 20) + 5, (9 << 20)])
def test_a_secret_is_found_wherever_it_lies_in_a_long_text(at: int) -> None:
    text = bytes(b"v" * at) + b"\n" + SECRETS[0].encode() + b"\n"
    with pytest.raises(BadInputError, match="token or a key"):
        refuse_secret_texts([of_bytes("index.csv", text)], "")


@pytest.mark.parametrize("name", ["README.md", "images/clip.png"])
def test_what_a_link_leads_to_outside_is_not_published(
    name: str, hub: Hub, export: Callable[..., Path], tmp_path: Path, signverse: Command
) -> None:
    (tmp_path / "diary.txt").write_text("my own words")
    folder = export("parquet")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(tmp_path / "diary.txt")
    code, out, err = signverse("publish", folder, "owner/poses", *LICENCE)
    assert (code, out) == (1, "") and "a link to what lies outside" in err and str(folder / name) in err
    assert not hub.requests
