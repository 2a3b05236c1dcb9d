"""Errors whose message is one sentence for the user: what was wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches


class PCRecError(ValueError):
    """Base of the errors a user can cause; the command line prints its sentence and exits with 1."""


class SpecError(PCRecError):
    """A run that cannot be meant: an unknown name, a value out of range, a field without meaning."""


class NotChosen(SpecError):
    """A setting that is chosen by trials which have not been run yet."""


class DataError(PCRecError):
    """Interactions that cannot be read, verified, filtered or split."""


class RecordError(PCRecError):
    """A record that is missing, damaged, or not what its name says."""


class FileError(PCRecError):
    """A file or folder of ours that cannot be written."""


class TrainingError(PCRecError):
    """A run that stopped: a loss or a score that is not a number, an interrupt, a missing device."""


class Interrupted(TrainingError):
    """A run that was stopped from outside, by Ctrl-C or the end of another peer's process: no further one is begun."""


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Sentence for an unknown name, with the nearest known one.

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


def known(what: str, name: str | None, names: Collection[str]) -> None:
    """Raise ``SpecError`` unless ``name`` is among ``names``; the sentence has the nearest one."""
    if (
        name not in names
    ):  # the nearest name is looked for only here: it takes a hundred times as long
        raise SpecError(unknown(what, name, names))
