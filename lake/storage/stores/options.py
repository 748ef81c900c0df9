"""Options of stores: the variables of the environment that the ecosystem has, and which of them there are.

--storage-option KEY=VALUE is a variable of the environment for one command. So processes that it starts have it too,
and nothing that is stored, shown or compared holds it.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from typing import Final

from signverse.lake.model.errors import MistypedError
from signverse.lake.model.untrusted.terminal_text import clean

_KNOWN: Final = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ALLOW_HTTP",
    "AWS_SKIP_SIGNATURE",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_REQUEST_PAYER",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SKIP_SIGNATURE",
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_CLIENT_ID",
    "AZURE_STORAGE_CLIENT_SECRET",
    "AZURE_STORAGE_TENANT_ID",
    "AZURE_STORAGE_USE_EMULATOR",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_SKIP_SIGNATURE",
}
"""The client takes others too, from the environment; of a misspelt one it says nothing."""


def take_options(options: Iterable[str]) -> None:
    """Puts options, each KEY=VALUE in letters of either case, into the environment of this process.

    Raises:
        MistypedError: one is not KEY=VALUE, or there is no such key. The message has no value: it may be a secret.
    """
    for option in options:
        key, equals, value = option.partition("=")
        name = key.strip().upper()
        if name not in _KNOWN:
            near = difflib.get_close_matches(name[:60], sorted(_KNOWN), n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(sorted(_KNOWN))}."
            # Without an equals sign all of it may be a secret.
            shown = clean(key.strip()[:60]) if equals else "what was given"
            raise MistypedError(f"--storage-option: there is no option {shown}", hint)
        if not equals:
            raise MistypedError(f"--storage-option: {name} has no value", f"Write {name}=VALUE.")
        if "\0" in value:
            raise MistypedError(f"--storage-option: the value of {name} has a zero byte", "Write it without.")
        os.environ[name] = value


def endpoint(scheme: str) -> str:
    """Where the store of a scheme is asked, as far as the environment says it: part of what a lake is known by."""
    names = {
        "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
        "gs": ("GOOGLE_SERVICE_ENDPOINT", "STORAGE_EMULATOR_HOST"),
        "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_USE_EMULATOR"),
    }
    return " ".join(os.environ.get(name, "") for name in names[scheme])
