"""What looks like a secret, and is therefore not published: names of files, and what small texts hold."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from signverse.export.publish.content import Source
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.wording import some

NAMES: Final = (
    *(".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".npmrc", ".pypirc", ".htpasswd", ".pgpass", ".my.cnf"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.pem", "*.key", "*.p12", "*.pfx", "*.ppk", "*.jks", "*.kdbx"),
    *("*.keystore", "*.asc", "*.gpg", ".git-credentials", "credentials", "credentials.*", "*credentials.json"),
    *("service-account*.json", "service_account*.json", "client_secret*", "secrets.*", "secret.*", ".secrets*"),
    *("cookies", "cookies.*", "*cookies.txt", "*cookies.sqlite", "token", "token.*", "*.token", "stored_tokens"),
    *(".aws", ".ssh", ".gnupg", ".kube", ".docker", "kubeconfig"),
)
"""Of files that hold keys, passwords, tokens or cookies, and of folders of such files."""

TEXTS: Final = re.compile(
    rb"hf_[A-Za-z0-9]{20,}"  # Hugging Face
    rb"|-----BEGIN [A-Z0-9 ]*PRIVATE KEY"
    rb"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # Amazon
    rb"|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}|\bglpat-[\w-]{20,}"  # GitHub, GitLab
    rb"|\bxox[abprs]-[\w-]{10,}|\bsk-[A-Za-z0-9_-]{32,}|\bAIza[\w-]{35}"  # Slack, OpenAI and others, Google
    rb"|# (?:Netscape )?HTTP Cookie File"
)
"""What a text holds that looks like a key or a token."""

_PIECE: Final = 4 << 20
_LONGEST: Final = 1024
"""Bytes of what is looked for, at most."""


def secret_name(path: str) -> bool:
    """Whether the name of a file, or of a folder that it lies in, is one of those that hold secrets."""
    return any(fnmatch(part.lower(), pattern) for part in path.split("/") for pattern in NAMES)


def refuse_secret_names(folder: Path, paths: Iterable[str]) -> None:
    """Refuses files by their names.

    Raises:
        BadInputError: one looks like a secret.
    """
    found = sorted(path for path in paths if secret_name(path))
    if found:
        raise BadInputError(
            f"{folder} holds what looks like a secret: {some(found, 5)}", "Move it elsewhere: it must not be published."
        )


def _holds_secret(source: Source, token: bytes) -> bool:
    with source.open() as file:
        data = file.read(_PIECE)
        if b"\0" in data[:4096]:
            return False
        while data:
            if TEXTS.search(data) or (token and token in data):
                return True
            more = file.read(_PIECE)
            # One that lies across the border of two pieces is whole in the next.
            data = data[-_LONGEST:] + more if more else b""
    return False


def refuse_secret_texts(sources: Iterable[Source], token: str) -> None:
    """Refuses texts that hold what looks like a token or a key.

    Args:
        token: the one that is used now; "" without.

    Raises:
        BadInputError: one holds it; the message names the file and not the secret.
    """
    for source in sources:
        if _holds_secret(source, token.encode()):
            raise BadInputError(
                f"{source.place or source.path} holds what looks like a token or a key",
                "Remove it, and make it invalid where it was given out: it must not be published.",
            )
