"""Refusals that people read: each names a phrase of the catalogues."""

from __future__ import annotations

from typing import ClassVar

from pipeline.errors import RestorationError
from pipeline.review.phrases import Value, say


class Refusal(RestorationError):
    """Something that is not done; its text is English, and `said` gives it in another language.

    Args:
        phrase: key in the catalogues, below `refused.`.
        values: what fills its blanks.
    """

    status: ClassVar[int] = 409

    def __init__(self, phrase: str, **values: Value) -> None:
        self.phrase, self.values = f"refused.{phrase}", values
        super().__init__(self.said("en"))

    def said(self, language: str) -> str:
        """Return the text in a language."""
        return say(language, self.phrase, **self.values)


class SignInFirst(Refusal):
    """Nobody is signed in."""

    status = 401


class Forbidden(Refusal):
    """The user may not do this."""

    status = 403


class DecidedMeanwhile(Refusal):
    """Somebody decided, or the result changed, since the person looked; the text says who and when."""


class NothingToUndo(Refusal):
    """No decision about this result stands."""


class Occupied(Refusal):
    """A file that would be written over was not written by this program, or was changed since."""


class NothingMarked(Refusal):
    """A mask without a marked pixel cannot be filled."""

    status = 422


class NotWanted(Refusal):
    """An inbox does not take a file; the text says why."""

    status = 422


class NameTaken(Refusal):
    """Another file has the name of one that is uploaded, and is kept."""


class CutOff(Refusal):
    """Not all of a file arrived."""

    status = 400


class NotStarted(Refusal):
    """The run that fills a mask could not be started."""

    status = 503


class TilesMissing(Refusal):
    """A picture cannot be shown; the text says why."""

    status = 404


class TilesWaiting(Refusal):
    """Too many requests wait for pictures already."""

    status = 503
