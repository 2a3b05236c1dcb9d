"""What pages call the options of a protocol, and how they word registered claims."""

from __future__ import annotations

import re

#: Protocol options with the values that pages give them.
_OPTIONS = {
    "attention: all": "padding in the attention",
    "candidates: padding too": "padding id as a candidate",
    "choice: test": "epoch chosen on test",
    "data: own": "BPR's own data rule",
    "evaluated: before": "evaluated before the merge",
    "hidden: seen": "seen items hidden",
    "last_bin: open": "open last bin",
    "layers: released": "the released code's layers",
    "loss: all": "padding in the loss",
    "mean: all": "padding in DNN's mean",
    "order: once": "one fixed data order",
    "schedule: none for the base": "no schedule for the base",
}


def option_name(line: str) -> str:
    """Return what one or several options do.

    Examples
    --------
    >>> option_name("loss: all, candidates: padding too")
    'padding in the loss, padding id as a candidate'
    """
    return ", ".join(_OPTIONS.get(one, one) for one in line.split(", "))


#: What registered sentences call otherwise than the book: their text was fixed before the runs.
_REWORDED = {
    r"\bmu\b": "μ",
    r"\balpha\b": "α",
    r"\btwo (SASRec|DNN|BPR)\b": r"two \1 models",
    r"\bone (SASRec|DNN|BPR)\b": r"one \1 model",
    "two peers that never exchange": "two independent models",
    "cooperation every second epoch": "a merge every 2 epochs",
    "cooperation every fifth epoch": "a merge every 5 epochs",
    "one cooperation at the end": "one merge at the end",
    "a pair that starts from equal weights": "a pair with equal initial weights",
    "Trained in series": "Trained in turn,",
    "Trained in parallel": "Trained in parallel,",
}


def symbols(text: str) -> str:
    """Write a sentence of ``claims.csv`` with the paper's symbols and the names of this book.

    Examples
    --------
    >>> symbols("With alpha from 30 to 40 the mu of DNN's layers")
    "With α from 30 to 40 the μ of DNN's layers"
    """
    for registered, shown in _REWORDED.items():
        text = re.sub(registered, shown, text)
    return text
