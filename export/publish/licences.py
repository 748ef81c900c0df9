"""Licences of data: which there are, and which one applies to what is published."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from signverse.export.publish.dataset_card.markdown import plain
from signverse.export.publish.dataset_card.yaml_text import split_card
from signverse.lake.model.errors import BadInputError, MistypedError

_HUB_IDS: Final = """
apache-2.0 mit openrail afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause
bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0
cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0
cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
cdla-permissive-2.0 ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0
gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl osl-3.0 postgresql ofl-1.1
ncsa unlicense wtfpl zlib pddl
"""

HUB_IDS: Final = frozenset(_HUB_IDS.split())
"""Of the hub's list of licences (documentation of the hub, August 2026), those that data may have."""

SPDX_OF: Final[Mapping[str, str]] = {
    "odbl": "ODbL-1.0",
    "odc-by": "ODC-By-1.0",
    "pddl": "PDDL-1.0",
    "agpl-3.0": "AGPL-3.0-only",
    "gpl-2.0": "GPL-2.0-only",
    "gpl-3.0": "GPL-3.0-only",
    "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-3.0": "LGPL-3.0-only",
}
"""Ids of the hub that are spelled in another way than those of SPDX."""

_OF_SIGNVERSE: Final = (
    "SignVerse-2M says cc-by-nc-4.0 since its commit 9c6ddbf, and said mit before: --licence cc-by-nc-4.0"
)

UNNAMED: Final = frozenset({"other", "unknown", "none", "no", "noassertion", ""})
"""What says that no licence is known, or names none."""


@dataclass(frozen=True)
class Licence:
    """A licence.

    Attributes:
        hub: its id in the metadata of a card.
        spdx: its identifier of SPDX, or the same as `hub` where SPDX has none.
    """

    hub: str
    spdx: str


def read_licence(text: str) -> Licence:
    """The licence that an identifier of SPDX or of the hub names; upper and lower case are the same.

    Raises:
        MistypedError: it names none.
    """
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    wanted = text.strip()
    known = SPDX_OF.get(wanted.lower())
    if known or wanted.lower() in HUB_IDS - {"openrail", "c-uda"}:
        try:
            return Licence(wanted.lower(), known or str(canonicalize_license_expression(wanted)))
        except InvalidLicenseExpression:
            return Licence(wanted.lower(), wanted.lower())
    if wanted.lower() in HUB_IDS:
        return Licence(wanted.lower(), wanted.lower())
    try:
        if not wanted or re.search(r"[\s()]|licenseref", wanted, re.I):
            raise InvalidLicenseExpression
        spdx = str(canonicalize_license_expression(wanted))
    except InvalidLicenseExpression:
        raise MistypedError(
            f"'{wanted[:40]}' is not a licence that SPDX or the hub knows",
            "Give its identifier, such as cc-by-nc-4.0 or cc-by-4.0; https://spdx.org/licenses lists them.",
        ) from None
    hub = next((name for name, of_spdx in SPDX_OF.items() if of_spdx == spdx), spdx.lower())
    return Licence(hub, spdx)


@dataclass(frozen=True)
class Stated:
    """A licence as a card states it, one that nobody lists as well: terms of one's own.

    Attributes:
        given: as a person gave it, on one line.
        known: which one that is; None where it is not listed.
    """

    given: str
    known: Licence | None

    @property
    def spdx(self) -> str:
        """Its identifier; "" where it has none."""
        known = self.known
        return known.spdx if known and known.spdx != known.hub else ""

    @property
    def address(self) -> str:
        """A page with its text; "" where that is not known."""
        if self.spdx:
            return f"https://spdx.org/licenses/{self.spdx}.html"
        return self.given if re.fullmatch(r"https?://[^\s<>\"]+", self.given) else ""

    def header(self) -> dict[str, str]:
        """Its keys in the YAML of a card."""
        if self.known and self.known.hub in HUB_IDS:
            return {"license": self.known.hub}
        address = self.address
        name = re.sub(r"[^a-z0-9.]+", "-", self.given.lower()).strip("-")[:60] if self.spdx or not address else ""
        return {"license": "other", "license_name": name or "custom", **({"license_link": address} if address else {})}


def stated(given: str) -> Stated:
    """The licence that a person gave: an identifier in any case, an address, or a name."""
    try:
        return Stated(plain(given), read_licence(given))
    except MistypedError:
        return Stated(plain(given), None)


def licence_of_card(card: bytes) -> Licence | None:
    """The licence that a card's header names; None where it names none that is known.

    Raises:
        BadInputError: the header cannot be read.
    """
    header, _ = split_card(card.decode("utf-8", "replace"))
    named = header.get("license")
    if named == "other":
        named = header.get("license_name")
    if not isinstance(named, str) or named.strip().lower() in UNNAMED:
        return None
    try:
        return read_licence(named)
    except MistypedError:
        return None


def licence_of_cards(here: bytes | None, there: bytes | None, what: str) -> Licence | None:
    """The licence that the cards of what is published say; None where they say none.

    Args:
        here, there: README.md in the folder, and in the repository.
        what: how messages call what is published.

    Raises:
        BadInputError: the two do not agree.
    """
    found = [licence for card in (here, there) if card is not None and (licence := licence_of_card(card))]
    if len({licence.hub for licence in found}) > 1:
        raise BadInputError(
            f"the card in {what} says {found[0].hub}, the one that is published says {found[1].hub}",
            "Say which licence is right with --licence.",
        )
    return found[0] if found else None


def licence_of_sources(said: Mapping[str, Licence | None], what: str, origin: str) -> Licence:
    """The licence that all sources of a lake say.

    Args:
        said: what each data set of the hub says that its videos came from; "" for other sources.
        what: how messages call what is published.
        origin: where its videos came from, in words.

    Raises:
        BadInputError: they say none, or several.
    """
    licences = {licence.hub: licence for licence in said.values() if licence}
    if said and len(licences) == 1 and all(said.values()):
        return next(iter(licences.values()))
    words = [f"{name} says {licence.hub if licence else 'none'}" for name, licence in sorted(said.items()) if name]
    raise BadInputError(
        f"the licence of {what} is not known, and none is assumed: poses take that of the videos or of the data "
        f"set that they came from{f', here {origin}' if origin else ''}",
        f"Ask its origin and give it with --licence. {'; '.join(words) or _OF_SIGNVERSE}.",
    )
