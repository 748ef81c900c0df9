"""Licences: what a person gives, as the hub and Croissant name it. None is ever assumed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from signverse.export.publish.dataset_card.markdown import plain

_SPDX: Final = [
    "Apache-2.0",
    "MIT",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-3-Clause-Clear",
    "BSL-1.0",
    "CC0-1.0",
    "CC-BY-2.0",
    "CC-BY-2.5",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-SA-4.0",
    "CC-BY-NC-2.0",
    "CC-BY-NC-3.0",
    "CC-BY-NC-4.0",
    "CC-BY-ND-4.0",
    "CC-BY-NC-ND-3.0",
    "CC-BY-NC-ND-4.0",
    "CC-BY-NC-SA-2.0",
    "CC-BY-NC-SA-3.0",
    "CC-BY-NC-SA-4.0",
    "CDLA-Sharing-1.0",
    "CDLA-Permissive-1.0",
    "CDLA-Permissive-2.0",
    "WTFPL",
    "ECL-2.0",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.1",
    "EUPL-1.2",
    "AGPL-3.0",
    "GFDL-1.3",
    "GPL-2.0",
    "GPL-3.0",
    "LGPL-2.1",
    "LGPL-3.0",
    "ISC",
    "LPPL-1.3c",
    "MS-PL",
    "MPL-2.0",
    "ODC-By-1.0",
    "ODbL-1.0",
    "OFL-1.1",
    "OSL-3.0",
    "PDDL-1.0",
    "PostgreSQL",
    "NCSA",
    "Unlicense",
    "Zlib",
]
"""By SPDX's list; those that the hub knows: docs of the hub, "Licenses"."""

_OTHERWISE: Final = {
    "CDLA-Sharing-1.0": "cdla-sharing-1.0",
    "GFDL-1.3": "gfdl",
    "ODC-By-1.0": "odc-by",
    "ODbL-1.0": "odbl",
    "PDDL-1.0": "pddl",
}
"""Where the hub's word is not SPDX's in small letters."""


@dataclass(frozen=True)
class Licence:
    """A licence that a person gave.

    Attributes:
        given: as it was given.
        spdx: its identifier; "" where it has none that is known here.
        hub: the hub's word for it: "other" where it has none.
    """

    given: str
    spdx: str = ""
    hub: str = "other"

    @property
    def address(self) -> str:
        """A page with its text; "" where that is not known."""
        if self.spdx:
            return f"https://spdx.org/licenses/{self.spdx}.html"
        return self.given if re.fullmatch(r"https?://[^\s<>\"]+", self.given) else ""

    def header(self) -> dict[str, str]:
        """Its keys in the YAML of a card."""
        if self.hub != "other":
            return {"license": self.hub}
        address = self.address
        name = "custom" if address else re.sub(r"[^a-z0-9.]+", "-", self.given.lower()).strip("-")[:60] or "custom"
        return {"license": "other", "license_name": name, **({"license_link": address} if address else {})}


def licence_of(given: str) -> Licence:
    """The licence that a text names: an SPDX identifier or the hub's word in any case, an address, or a name."""
    text = plain(given)
    for spdx in _SPDX:
        hub = _OTHERWISE.get(spdx, spdx.lower())
        if text.lower() in (spdx.lower(), hub, f"{spdx.lower()}-only", f"{spdx.lower()}-or-later"):
            return Licence(text, spdx, hub)
    return Licence(text)
