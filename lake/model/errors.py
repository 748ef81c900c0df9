"""The errors that users see. Each says what is wrong, where, and what to do next, in one line."""

from __future__ import annotations

from signverse.lake.model.places import as_shown
from signverse.lake.model.untrusted.terminal_text import clean


class SignverseError(Exception):
    """An error that the user can do something about. The command line prints it without a traceback and exits with 1.

    Args:
        message: what is wrong and where, without a full stop at the end.
        hint: what to do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        # One line without controls, whatever a file name or a foreign message brought along.
        text = f"{self.message}. {self.hint}" if self.hint else self.message
        return clean(" ".join(as_shown(text).split()))

    def __reduce__(self) -> tuple[type[SignverseError], tuple[str, str]]:
        # Errors cross from worker processes: the default would drop the hint.
        return type(self), (self.message, self.hint)


class NotALakeError(SignverseError):
    """There is no lake at the path."""


class UnreachableError(SignverseError):
    """The store that a lake lies in does not answer, or refuses to."""


class NewerLakeError(SignverseError):
    """The lake was written by a later version of this package."""


class UnknownLanguageError(SignverseError):
    """No sign language, or several, have the given name."""


class UnknownVideoError(SignverseError):
    """The lake holds no visible video of that id."""


class BadInputError(SignverseError):
    """A file, an id or an option cannot be used as it is."""


class MistypedError(BadInputError):
    """What was typed cannot be used, such as SQL that does not parse: the command line exits with 2."""


class EmptySelectionError(SignverseError):
    """The selection has no clip."""


class DamagedLakeError(SignverseError):
    """A file of the lake is missing or does not hold what its table says."""
