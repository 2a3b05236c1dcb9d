"""Errors whose message is one sentence for the user: what was wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches


class PCRecError(ValueError):
    """Base of the errors a user can cause; the command line prints the message and exits with 1.

    A notebook shows the message alone; ``traceback.print_last()`` shows where it was raised.

    Attributes
    ----------
    shared : bool
        Whether each process of a run raises this error. If only one does, the others wait for it.
    """

    shared = False

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


def shared(error: PCRecError) -> PCRecError:
    """Mark an error as one that each process of a run raises, and return it."""
    error.shared = True
    return error


class SpecError(PCRecError):
    """A run that is not valid: an unknown name, a value out of range, or a meaningless field."""


class NotChosen(SpecError):  # noqa: N818
    """A setting that is chosen by trials which have not been run yet."""


class DataError(PCRecError):
    """Interactions that cannot be read, verified, filtered or split."""


class RecordError(PCRecError):
    """A record that is missing, damaged, or does not match its name."""


class NewerRecord(RecordError):  # noqa: N818
    """A record that later code wrote."""


class FileError(PCRecError):
    """A file or folder of the study that cannot be written or found."""


class TrainingError(PCRecError):
    """A run that cannot start or go on: a missing device, a NaN loss or score, an interrupt."""


class Interrupted(TrainingError):  # noqa: N818
    """A run that was stopped from outside: by a signal, or by the end of another peer's process.

    No further run is started. ``signal`` is the number of the signal, 0 without one.
    """

    def __init__(self, sentence: str, signal: int = 0) -> None:
        super().__init__(sentence)
        self.signal = signal

    def __reduce__(self) -> tuple[type[Interrupted], tuple[str, int]]:
        """Pickle the signal too, so that it survives the way from a worker process."""
        return type(self), (str(self), self.signal)


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Return a sentence for an unknown name, with the nearest known one.

    Examples
    --------
    >>> unknown("model", "sasrek", ["bpr", "sasrec"])
    "unknown model 'sasrek'; did you mean 'sasrec'? Known: bpr, sasrec."
    """
    names = sorted(known)
    folded = {known_name.casefold(): known_name for known_name in names}  # SASRec is near to sasrec
    near = get_close_matches(str(name).casefold(), folded, n=1, cutoff=0.5)
    hint = f"; did you mean {folded[near[0]]!r}?" if near else "."
    return f"unknown {what} {name!r}{hint} Known: {', '.join(names)}."


def require(condition: bool, sentence: str) -> None:
    """Raise ``SpecError`` with the sentence unless the condition holds."""
    if not condition:
        raise SpecError(sentence)


def require_known(what: str, name: str | None, names: Collection[str]) -> None:
    """Raise ``SpecError``, with the nearest known name, unless ``name`` is among ``names``."""
    # The sentence is made only here, for finding the nearest name takes a hundred times as long.
    if name not in names:
        raise SpecError(unknown(what, name, names))
