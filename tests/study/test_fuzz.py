"""Whatever a record or a spec holds, the readers give it back or refuse it by an error of theirs.

Each reader gets a thousand inputs, or as many as the environment variable ``PCREC_FUZZ`` asks for.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records_support import record_with

from pcrec_core.errors import RecordError, SpecError
from pcrec_core.specs import run as specs
from pcrec_core.specs.derived import Derived, derived_from_dict
from pcrec_core.specs.run import Data
from pcrec_core.specs.trivial import Trivial, trivial_from_dict
from pcrec_core.study import defaults
from pcrec_core.study.reading import read
from pcrec_core.study.record_kinds import CLASSES

MANY = settings(
    max_examples=int(os.environ.get("PCREC_FUZZ", "1000")),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
RUNS = [defaults.base("synthetic", "bpr"), defaults.pcrec("synthetic", "sasrec")]
RECORD = record_with(RUNS[1], {"epochs": {"exchanges": [0], "mu": [[[0.8], [0.2]]]}})
PARTS = json.loads(RECORD.to_json())
SPECS = [
    *((specs.from_dict, run.canonical()) for run in RUNS),
    (derived_from_dict, Derived("probed", (RUNS[0],)).canonical()),
    (trivial_from_dict, Trivial(Data("synthetic"), "recency").canonical()),
]

#: Values that are near to those of records and specs, and values that are not.
KNOWN = ["run", "own", "1 2 3", "0101", "sasrec", "\ud800", "\0", "<b>", "9" * 400]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, -1, 10**400, 0.5, 1e308])
    | st.floats(allow_nan=True)
    | st.text(max_size=5)
    | st.sampled_from(KNOWN)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """List the places of all values in a tree of dicts and lists."""
    if not isinstance(value, dict | list):
        return []
    keys = value if isinstance(value, dict) else range(len(value))
    return [p for key in keys for p in ((*path, key), *places(value[key], (*path, key)))]


def _at(value: Any, path: tuple) -> Any:
    for key in path:
        value = value[key]
    return value


@st.composite
def changed(draw: st.DrawFn, tree: dict[str, Any]) -> dict[str, Any]:
    """Draw a tree in which one to three values are others, are gone, or have another name."""
    tree = copy.deepcopy(tree)
    for place in draw(st.lists(st.sampled_from(places(tree)), min_size=1, max_size=3)):
        with contextlib.suppress(LookupError, TypeError, AttributeError):  # changed before
            parent, how = _at(tree, place[:-1]), draw(st.sampled_from(["other", "gone", "renamed"]))
            value = parent.pop(place[-1]) if how != "other" else draw(VALUES)
            if how == "other":
                parent[place[-1]] = value
            elif how == "renamed":
                parent[draw(st.text(max_size=8))] = value
    return tree


def check(path: Any, content: bytes) -> None:
    path.write_bytes(content)
    with contextlib.suppress(RecordError):
        assert read(path).expected_name == RECORD.name


@MANY
@given(tree=changed(PARTS), sealed=st.booleans())
def test_a_changed_record_is_read_or_refused_even_with_the_right_hashes(
    tmp_path_factory, tree, sealed
):
    path = tmp_path_factory.getbasetemp() / f"{RECORD.name.rpartition('/')[2]}.json"
    if sealed and set(tree) == set(PARTS) and tree["kind"] in list(CLASSES):
        fields = (tree[name] for name in ("name", "key", "result", "run"))
        with contextlib.suppress(ValueError, TypeError):  # a number that no JSON holds
            check(path, dataclasses.replace(CLASSES[tree["kind"]](*fields)).to_json().encode())
            return
    check(path, json.dumps(tree).encode())


@MANY
@given(st.data())
def test_bytes_that_were_cut_repeated_or_replaced_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / f"{RECORD.name.rpartition('/')[2]}.json"
    whole = RECORD.to_json().encode()
    begin, end = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    middle = data.draw(st.binary(max_size=20) | st.just(whole[begin:end] * 2))
    check(path, whole[:begin] + middle + whole[end:])


@MANY
@given(data=st.data())
def test_a_changed_spec_is_a_spec_or_refused(data):
    parse, canonical = data.draw(st.sampled_from(SPECS))
    tree = data.draw(changed(canonical) | VALUES)
    with contextlib.suppress(SpecError):
        spec = parse(tree)
        assert parse(spec.canonical()) == spec
