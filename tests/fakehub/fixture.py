"""The fixture `hub`: a fake hub, and this process and those that it starts set up to use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakehub.hub import WRITE_TOKEN, Hub


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty hub that the client library takes for the real one, with a token that may write to `owner/...`.

    A test without a token says `monkeypatch.delenv("HF_TOKEN")`.
    """
    with Hub() as running:
        home = tmp_path / "huggingface"
        environment = {
            "HF_ENDPOINT": running.address,
            "HF_HOME": str(home),
            "HF_TOKEN": WRITE_TOKEN,
            # With Xet on, the client asks for a service that the fake hub has not got.
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        # The client reads its environment once, when it is imported: another test of this process may have done that.
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "ENDPOINT", running.address)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{running.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        )
        monkeypatch.setattr(constants, "HF_URL_HOSTS", constants.HF_URL_HOSTS | {"127.0.0.1"})
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
        monkeypatch.setattr(constants, "HF_HOME", str(home))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
        monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", str(home / "stored_tokens"))
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
        monkeypatch.setattr(constants, "HF_XET_CACHE", str(home / "xet"))
        yield running
