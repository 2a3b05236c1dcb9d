"""Retailrocket: view sessions in two pickles, read without creating an object of any class."""

from __future__ import annotations

import pickle
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from pcrec_core.datasets.sources import Paths, RemoteFile, Source, Table, github
from pcrec_core.errors import DataError


def read(paths: Paths) -> Table:
    """Read all sessions: those of the train file, then those of the test file, numbered from 1."""
    train, test = _sessions(paths[0]), _test_sessions(paths[1])
    return _table(np.concatenate([train[0], test[0]]), np.concatenate([train[1], test[1]]))


def read_half(paths: Paths) -> Table:
    """Read the last half of the train file's sessions; each keeps its number in the whole file."""
    lengths, items = _sessions(paths[0])
    skipped = len(lengths) // 2
    return _table(lengths[skipped:], items[lengths[:skipped].sum() :], first=skipped + 1)


def read_first_half(paths: Paths) -> Table:
    """Read the first half of the train file's sessions: those that ``read_half`` skips."""
    lengths, items = _sessions(paths[0])
    lengths = lengths[: len(lengths) // 2]
    return _table(lengths, items[: lengths.sum()])


def _table(lengths: np.ndarray, items: np.ndarray, first: int = 1) -> Table:
    return Table(np.repeat(np.arange(first, first + len(lengths)), lengths), items)


def _sessions(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the sessions of a pickled list of lists: lengths (sessions,) and items in a row."""
    return _flat(path, _load(path), "session")


def _test_sessions(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the sessions, like ``_sessions``, of a pickle of (prefixes, targets).

    The file unrolls a session into its prefixes, longest first: the prefix and target of a row that
    continues the session of the row before are together that row's prefix. A session is its
    longest prefix and the target of that.
    """
    content = _load(path)
    if type(content) not in (tuple, list) or len(content) != 2:
        raise _refused(path, "the whole", "is not a pair (prefixes, targets)")
    lengths, flat = _flat(path, content[0], "prefix")
    targets = _integers(path, content[1], "the targets")
    if len(targets) != len(lengths):
        raise _refused(path, "the whole", f"has {len(lengths)} prefixes but {len(targets)} targets")
    whole = np.insert(flat, np.cumsum(lengths), targets)  # each row as prefix + target
    lengths = lengths + 1
    heads = ~_continues(lengths, whole)
    return lengths[heads], whole[np.repeat(heads, lengths)]


def _continues(lengths: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Return whether each row is the row before without its last item; (rows,) bool."""
    of_row = np.repeat(np.arange(len(lengths)), lengths)
    starts = np.cumsum(lengths) - lengths
    above = np.minimum(starts[of_row - 1] + np.arange(len(flat)) - starts[of_row], len(flat) - 1)
    differs = np.bincount(of_row, flat != flat[above], minlength=len(lengths)) > 0
    shorter = np.concatenate([[False], lengths[1:] + 1 == lengths[:-1]])
    return shorter & ~differs


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise DataError(f"holds the class {module}.{name}")


def _load(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            return _Unpickler(file).load()
    except DataError as error:
        raise DataError(
            f"{path} {error}, but only lists of integers are read: use the original file."
        ) from None
    # A damaged pickle can raise nearly anything.
    except Exception as error:
        early = isinstance(error, EOFError) or "truncated" in str(error)
        wrong = "ends too early" if early else f"is not a pickle ({type(error).__name__}: {error})"
        raise DataError(f"{path} {wrong}: use the original file.") from None


def _flat(path: Path, lists: Any, noun: str) -> tuple[np.ndarray, np.ndarray]:
    if type(lists) is not list or not lists:
        nouns = {"session": "sessions", "prefix": "prefixes"}[noun]
        raise _refused(path, "the whole", f"is not a list of {nouns}")
    if set(map(type, lists)) != {list}:
        row = next(i for i, x in enumerate(lists, 1) if type(x) is not list)
        raise _refused(path, f"{noun} {row}", "is not a list")
    lengths = np.fromiter(map(len, lists), np.int64, len(lists))
    flat = list(chain.from_iterable(lists))
    if set(map(type, flat)) <= {int}:
        return lengths, _integers(path, flat, f"a {noun}")
    row = next(i for i, x in enumerate(lists, 1) if set(map(type, x)) - {int})
    raise _refused(path, f"{noun} {row}", "holds something that is not an integer")


def _integers(path: Path, values: Any, where: str) -> np.ndarray:
    if type(values) is not list or set(map(type, values)) - {int}:
        raise _refused(path, where, "holds something that is not an integer")
    try:
        return np.fromiter(values, np.int64, len(values))
    except OverflowError:
        raise _refused(path, where, "holds an integer of more than 64 bits") from None


def _refused(path: Path, where: str, fault: str) -> DataError:
    return DataError(f"{path}: {where} {fault}: use the original file.")


_TRAIN = RemoteFile(
    name="retailrocket-all_train_seq.txt",
    bytes=3_051_397,
    sha256="dcb31faa5037c527b516b4d8e3aa6d81b81549e45f4ead3b02ca99c6ecd67181",
    urls=github("RecoHut-Datasets/retail_rocket", "v1", "all_train_seq.txt"),
)
_TEST = RemoteFile(
    name="retailrocket-test.txt",
    bytes=503_785,
    sha256="212345e160a899fb64451aa1288407fdf65816e8c128905bd98784bce1256c85",
    urls=github("RecoHut-Datasets/retail_rocket", "v1", "test.txt"),
)
_retailrocket = partial(
    Source,
    repeats=True,
    terms="For research, as the log of events it is made from.",
    citation="Retailrocket recommender system dataset (Kaggle: retailrocket/ecommerce-dataset); the"
    " sessions as made for Self-Supervised Graph Co-Training for Session-based Recommendation,"
    " CIKM 2021, arXiv:2108.10560.",
)
WHOLE = _retailrocket(
    name="retailrocket", title="Retailrocket sessions", read=read, files=(_TRAIN, _TEST)
)
HALF = _retailrocket(
    name="retailrocket-half",
    title="Retailrocket sessions, half",
    read=read_half,
    files=(_TRAIN,),
    min_distinct=4,
)
FIRST_HALF = _retailrocket(
    name="retailrocket-first-half",
    title="Retailrocket sessions, first half",
    read=read_first_half,
    files=(_TRAIN,),
    min_distinct=4,
)
