"""Every committed record, one by one: it reads, it is whole, and what it says of itself follows from what it holds.

The same checks are made of records trained here, and of damaged ones, so that it is known that they can fail.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import fit

from pcrec_core import datasets, paths
from pcrec_core.analysis import comparisons
from pcrec_core.datasets.split import split
from pcrec_core.specs.derived import Trivial, derived_from_dict
from pcrec_core.specs.fields import canonical_json
from pcrec_core.specs.run import NUMERICS, Data, RunSpec, from_dict
from pcrec_core.study import defaults, derive, records
from pcrec_core.study.records import Record, Store, read, run_record
from pcrec_core.study.replicates import Replicates
from pcrec_core.study.variants import variant

#: How many files lie below data/records; whoever commits a record raises it, so that none is lost or passed over.
EXPECTED = 280

FILES = sorted(path for path in paths.records().rglob("*") if path.is_file())
#: Means are kept to 8 digits.
CLOSE = 1.01e-8


def name_of(path: Path) -> str:
    return str(path.relative_to(paths.records()))


# --- what must hold


def metric(rank: int, name: str) -> float:
    """The definition for one user with one relevant item, written here once more."""
    kind, n = name.split("@")
    gain = {"HIT": 1.0, "MRR": 1 / rank, "NDCG": 1 / math.log2(rank + 1)}[kind]
    return gain if rank <= int(n) else 0.0


def check_users(record: Record) -> None:
    """Ranks and repeat flags of every user, and the test metrics that follow from the ranks."""
    data, result = record.result["data"], record.result
    ranks = [int(rank) for rank in result["ranks"].split()]
    assert len(ranks) == data["users"] == len(result["repeated"]) and set(result["repeated"]) <= {
        "0",
        "1",
    }
    assert (
        min(ranks) >= 1 and max(ranks) <= data["items"] + 1
    )  # the padding id is ranked in one protocol
    assert {"MRR@5", "HIT@5", "NDCG@5", "MRR@20", "HIT@20", "NDCG@20"} <= set(result["test"])
    own = (
        record.kind == "run" and record.spec.lines.choice != "validation"
    )  # then each metric has an epoch of its own
    assert set(result.get("best", {})) == (set(result["test"]) if own else set())
    for name, value in result["test"].items():
        of = [int(rank) for rank in result["best"][name]["ranks"].split()] if own else ranks
        assert (
            len(of) == len(ranks)
            and abs(value - sum(metric(rank, name) for rank in of) / len(of)) <= CLOSE
        ), name


def reported(spec: RunSpec) -> str:
    """Which column of its epochs holds what can be reported (PROTOCOLS.md, section 2, evaluated weights)."""
    given = spec.cooperation
    merges = given is not None and given.rule in ("layerwise", "averaging")
    after = (
        given is not None
        and spec.lines.evaluated != "before"
        and (merges or spec.lines.evaluated == "after")
    )
    return "own" if not after else "merged" if merges and given.components is None else "after"


def candidates(record: Record) -> list[tuple[dict[str, float], int, int]]:
    """Validation, epoch and peer of every model that could be reported."""
    epochs, column = record.result["epochs"], reported(record.spec)
    curves = epochs[column]
    curves = {name: [curve] for name, curve in curves.items()} if column == "merged" else curves
    at = range(record.spec.training.epochs) if column == "own" else epochs["exchanges"]
    found = [
        ({name: curves[name][peer][i] for name in curves}, epoch, peer)
        for peer in range(len(curves["NDCG@20"]))
        for i, epoch in enumerate(at)
    ]
    begun = record.spec.training.epochs // 2 if record.spec.training.average == "swa" else 0
    return [model for model in found if model[1] >= begun]


def check_choice(record: Record) -> None:
    """The best on validation, or of MRR@5 on the test set; ties to the earlier epoch, then to the lower peer."""
    chosen, epochs, models = record.result["chosen"], record.result["epochs"], candidates(record)
    assert (chosen["merged"], chosen.get("after", False)) == tuple(
        reported(record.spec) == name for name in ("merged", "after")
    )
    assert ("by_validation" in record.result) == (record.spec.lines.choice == "both")
    if "by_validation" in record.result:
        check_by_validation(record)
    if record.spec.lines.choice != "validation":
        score = {
            (epoch, peer): epochs["test"]["MRR@5"][peer][epochs["tests"].index(epoch)]
            for _, epoch, peer in models
        }
        best = {name: max(map(max, curves)) for name, curves in epochs["test"].items()}
        assert record.result["test"] == best
    else:
        score = {(epoch, peer): valid["NDCG@20"] for valid, epoch, peer in models}
        assert "test" not in epochs
    valid, epoch, peer = min(models, key=lambda model: (-score[model[1:]], *model[1:]))
    assert (chosen["epoch"], chosen["peer"], chosen["valid"]) == (epoch, peer, valid)


def check_by_validation(record: Record) -> None:
    """The best on validation, with its test metrics of that epoch and its ranks of every user."""
    kept, tests = record.result["by_validation"], record.result["epochs"]["test"]
    valid, epoch, peer = min(candidates(record), key=lambda x: (-x[0]["NDCG@20"], *x[1:]))
    assert (kept["epoch"], kept["peer"], kept["valid"]) == (epoch, peer, valid)
    at = record.result["epochs"]["tests"].index(epoch)
    assert kept["test"] == {name: curves[peer][at] for name, curves in tests.items()}
    ranks = [int(rank) for rank in kept["ranks"].split()]
    assert len(ranks) == record.result["data"]["users"]
    for name, value in kept["test"].items():
        assert abs(value - sum(metric(rank, name) for rank in ranks) / len(ranks)) <= CLOSE, name


def check_epochs(record: Record) -> None:
    """A loss and validation metrics by peer and epoch, and what every exchange did: mu of the layers sums to 1."""
    spec, epochs = record.spec, record.result["epochs"]
    for curves in (epochs["loss"], *epochs["own"].values()):
        assert [len(curve) for curve in curves] == [spec.training.epochs] * spec.peers
        assert all(math.isfinite(value) for curve in curves for value in curve)
    if spec.cooperation is None:
        assert not {"exchanges", "merged", "after", "mu", "h", "kept"} & set(epochs)
        return
    given = spec.cooperation
    layers = sum(
        given.components is None or component in given.components
        for _, component in record.result["layers"]
    )
    assert epochs["exchanges"] == list(range(given.every - 1, spec.training.epochs, given.every))
    assert {"h", "mu", "kept"} & set(epochs) == {
        "layerwise": {"h", "mu"},
        "averaging": {"mu"},
        "parameterwise": {"kept"},
        "noise": set(),
    }[given.rule]
    for name in {"mu", "h", "kept"} & set(epochs):
        assert len(epochs[name]) == len(epochs["exchanges"])
        assert all(
            [len(of_peer) for of_peer in exchange] == [layers] * spec.peers
            for exchange in epochs[name]
        )
    for exchange in epochs.get("mu", ()):
        assert all(
            abs(sum(shares) - 1) <= spec.peers * CLOSE for shares in zip(*exchange, strict=True)
        )


def check_spec(record: Record) -> None:
    """The spec is whole: rebuilt from the key alone, it has the same name and identity; no code has its numerics
    that is not written yet."""
    spec = from_dict(record.key)
    assert canonical_json(spec.canonical()) == canonical_json(record.key)  # a tuple is a list there
    assert (spec.identity, spec.name) == (record.identity, record.name)
    assert 1 <= spec.numerics <= NUMERICS[spec.model.name]


def check_made(record: Record) -> None:
    """What is made from runs, or from the data alone: it names them whole, and what it says follows from its ranks."""
    spec = derived_from_dict(record.key)
    assert canonical_json(spec.canonical()) == canonical_json(record.key)  # a tuple is a list there
    assert (spec.identity, spec.name) == (record.identity, record.name)
    assert all(
        1 <= parent.numerics <= NUMERICS[parent.model.name]
        for parent in getattr(spec, "parents", ())
    )
    if "probed" in record.result:
        tensors = record.result["probed"]["tensors"].values()
        assert tensors and all(
            0 <= one["h_open"] <= math.log(10) and 0 <= one["h"] <= math.log(10) + CLOSE
            for one in tensors
        )
    else:
        check_users(record)


def check_origin(record: Record) -> None:
    """Made from a clean commit, on a machine that is described."""
    run = record.run
    assert run["clean"] is True and len(run["commit"]) == 40 and int(run["commit"], 16)
    assert {"numpy", "torch", "pandas", "scipy"} <= set(run["versions"])
    if record.kind == "run":
        assert (
            run["threads"] >= 1
            and run["device"]
            and run["peak_bytes"] > 0
            and run["seconds"]["train"] > 0
        )
        assert 0 <= run["began_with_epoch"] < record.spec.training.epochs
    if record.kind in ("derived", "trivial"):
        assert run["threads"] >= 1 and run["device"] and run["seconds"]["derive"] >= 0


def check_statistics(record: Record) -> None:
    """The shares follow from the counts, and what was filtered adds up."""
    result, counts = record.result, record.result["counts"]
    assert (
        record.name == records.statistics_name(Data(**record.key))
        and result["core"] == record.key["core"]
    )
    assert (
        abs(result["density"] * result["users"] * result["items"] - result["actions"])
        < 1e-6 * result["actions"]
    )
    assert (
        counts["rows"] == result["actions"]
        and counts["users"] == result["users"]
        and counts["items"] == result["items"]
    )
    assert (
        counts["rows_read"]
        == counts["rows"] + counts["rows_core"] + counts["rows_distinct"] + counts["rows_short"]
    )
    assert all(0 <= result[f"repeat_share_{part}"] <= 1 for part in ("valid", "test"))


RUN_CHECKS: list[Callable[[Record], None]] = [check_spec, check_users, check_choice, check_epochs]


# --- the committed ones


def test_as_many_records_are_there_as_were_committed():
    assert len(FILES) == EXPECTED
    assert [record.name for record in Store().all()] == [
        name_of(path).removesuffix(".json") for path in FILES
    ]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_committed_record_is_what_it_says(path):
    record = read(path)
    assert path == Store().path(record.name)
    checks = {
        "run": RUN_CHECKS,
        "statistics": [check_statistics],
        "derived": [check_made],
        "trivial": [check_made],
    }
    for check in checks[record.kind]:
        check(record)
    check_origin(record)


def test_runs_on_one_data_set_have_the_users_and_the_content_its_statistics_say():
    found = [read(path) for path in FILES]
    said = {
        canonical_json(r.key): tuple(r.result[k] for k in ("fingerprint", "users", "items"))
        for r in found
        if r.kind == "statistics"
    }
    others = [
        r
        for r in found
        if r.kind != "statistics"
        and not (r.spec.model.name == "bpr" and r.spec.protocol != "controlled")
    ]
    for r in others:  # BPR of the other protocols has a split of its own
        data = dataclasses.replace(r.spec.data, histories="ordered")
        assert said[canonical_json(data.canonical())] == tuple(
            r.result["data"][k] for k in ("fingerprint", "users", "items")
        )


# --- that the checks can fail

SMALL = {
    "base": defaults.base("synthetic", "bpr", epochs=4, d=4),
    "apart": defaults.run_spec("synthetic", "bpr", peers=2, epochs=3, d=4),
    "layerwise": defaults.run_spec(
        "synthetic", "dnn", peers=2, epochs=4, d=4, cooperation=defaults.layerwise("dnn", every=2)
    ),
    "averaging": defaults.pcrec("synthetic", "dnn", alpha=0, epochs=2, d=4),
    "masks": variant("W", "synthetic", "dnn", 0, {"epochs": 3, "d": 4}),
    "noise": variant("N", "synthetic", "dnn", 0, {"epochs": 3, "d": 4}),
    "embedding": variant("E", "synthetic", "dnn", 0, {"epochs": 3, "d": 4}),
    "swa": variant("swa", "synthetic", "dnn", 0, {"epochs": 5, "d": 4}),
    "paper": variant("LE", "synthetic", "dnn", 0, {"epochs": 3, "d": 4, "protocol": "paper"}),
    "released": variant("LE", "synthetic", "dnn", 0, {"epochs": 3, "d": 4, "protocol": "released"}),
    "both": variant(
        "LE",
        "synthetic",
        "dnn",
        0,
        {"epochs": 3, "d": 4, "protocol": "released", "rules": {"choice": "both"}},
    ),
}
MADE = {
    "clean": True,
    "commit": "c" * 40,
    "versions": dict.fromkeys(("numpy", "torch", "pandas", "scipy"), "1"),
    "threads": 1,
    "device": "cpu",
    "peak_bytes": 1,
    "seconds": {"train": 0.1},
    "began_with_epoch": 0,
}


@pytest.fixture(scope="module")
def trained() -> dict[str, Record]:
    def record(run: RunSpec) -> Record:
        return run_record(run, fit(run, split(datasets.load(run.data)))[1].result, MADE)

    return {name: record(run) for name, run in SMALL.items()}


@pytest.mark.parametrize("name", SMALL)
def test_what_is_trained_here_passes(trained, name):
    for check in (*RUN_CHECKS, check_origin):
        check(trained[name])


def another_rank(result: dict[str, Any]) -> None:
    first, _, rest = result["ranks"].partition(" ")
    result["ranks"] = f"{1 if first != '1' else 2} {rest}"


def another_epoch(result: dict[str, Any]) -> None:
    result["chosen"]["epoch"] = (result["chosen"]["epoch"] + 2) % 4


def a_better_epoch(result: dict[str, Any]) -> None:
    curve = result["epochs"]["merged" if "merged" in result["epochs"] else "own"]["NDCG@20"]
    (curve if "merged" in result["epochs"] else curve[0])[-1] = 0.99
    result["chosen"]["epoch"] = 0


def a_later_tie(result: dict[str, Any]) -> None:
    """All epochs are equally good, and the last is chosen."""
    result["epochs"]["own"]["NDCG@20"] = [[0.5] * 4]
    result["chosen"]["epoch"] = 3
    result["chosen"]["valid"] = {
        name: curves[0][3] for name, curves in result["epochs"]["own"].items()
    }


DAMAGE: dict[str, tuple[str, Callable[[Record], None], Callable[[dict[str, Any]], Any]]] = {
    "another rank": ("base", check_users, another_rank),
    "a rank of 0": (
        "base",
        check_users,
        lambda result: result.update(ranks="0" + result["ranks"][1:]),
    ),
    "a user too few": (
        "base",
        check_users,
        lambda result: result.update(ranks=result["ranks"].rpartition(" ")[0]),
    ),
    "a flag too few": (
        "base",
        check_users,
        lambda result: result.update(repeated=result["repeated"][1:]),
    ),
    "a flag of 2": (
        "base",
        check_users,
        lambda result: result.update(repeated="2" + result["repeated"][1:]),
    ),
    "another metric": (
        "base",
        check_users,
        lambda result: result["test"].update({"MRR@5": result["test"]["MRR@5"] + 2e-8}),
    ),
    "no NDCG@20": ("base", check_users, lambda result: result["test"].pop("NDCG@20")),
    "another epoch": ("base", check_choice, another_epoch),
    "a better epoch": ("base", check_choice, a_better_epoch),
    "a better exchange": ("layerwise", check_choice, a_better_epoch),
    "a later tie": ("base", check_choice, a_later_tie),
    "the other peer": (
        "apart",
        check_choice,
        lambda result: result["chosen"].update(peer=1 - result["chosen"]["peer"]),
    ),
    "not merged": ("layerwise", check_choice, lambda result: result["chosen"].update(merged=False)),
    "an epoch lost": ("apart", check_epochs, lambda result: result["epochs"]["loss"][1].pop()),
    "a peer lost": ("apart", check_epochs, lambda result: result["epochs"]["own"]["HIT@5"].pop()),
    "an exchange moved": (
        "layerwise",
        check_epochs,
        lambda result: result["epochs"].update(exchanges=[0, 2]),
    ),
    "a layer lost": ("layerwise", check_epochs, lambda result: result["epochs"]["h"][0][0].pop()),
    "mu of more than 1": (
        "layerwise",
        check_epochs,
        lambda result: result["epochs"]["mu"][1][0].__setitem__(0, 0.99999),
    ),
    "a better test epoch": (
        "released",
        check_choice,
        lambda result: result["epochs"]["test"]["MRR@5"][0].__setitem__(0, 0.99),
    ),
    "another pick of validation": (
        "both",
        check_choice,
        lambda result: result["by_validation"].update(
            epoch=(result["by_validation"]["epoch"] + 1) % 3
        ),
    ),
    "another rank of that pick": (
        "both",
        check_choice,
        lambda result: result["by_validation"].update(
            ranks="1 1 1 " + " ".join(result["by_validation"]["ranks"].split()[3:])
        ),
    ),
    "no pick of validation": ("both", check_choice, lambda result: result.pop("by_validation")),
    "another peer's test": (
        "released",
        check_choice,
        lambda result: result["test"].update({"HIT@20": 0.99}),
    ),
    "the test set looked at": (
        "masks",
        check_choice,
        lambda result: result["epochs"].update(test={}),
    ),
    "before instead of after": (
        "embedding",
        check_choice,
        lambda result: result["chosen"].pop("after"),
    ),
    "mu of masks": (
        "masks",
        check_epochs,
        lambda result: result["epochs"].update(mu=result["epochs"]["kept"]),
    ),
    "an entropy of averaging": (
        "averaging",
        check_epochs,
        lambda result: result["epochs"].update(h=result["epochs"]["mu"]),
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_seen(trained, name):
    of, check, damage = DAMAGE[name]
    result = copy.deepcopy(trained[of].result)
    damage(result)
    with pytest.raises((AssertionError, ValueError)):
        check(run_record(SMALL[of], result, MADE))


@pytest.mark.parametrize(
    "change",
    [{"clean": False}, {"commit": None}, {"commit": "c" * 7}, {"versions": {}}, {"threads": 0}],
)
def test_a_doubtful_origin_is_seen(trained, change):
    record = trained["base"]
    with pytest.raises((AssertionError, TypeError)):
        check_origin(run_record(record.spec, record.result, MADE | change))


def test_a_run_of_older_numerics_goes_when_it_is_made_again():
    """Older ones that stay are those which a length, a rate or an L2 was once chosen from (table2)."""
    runs = {record.name: record.spec for record in Store().all() if record.kind == "run"}
    older = [spec for spec in runs.values() if spec.numerics < NUMERICS[spec.model.name]]
    assert [
        spec.name for spec in older if dataclasses.replace(spec, numerics=None).name in runs
    ] == []


def test_a_spec_of_numerics_to_come_is_seen(trained, monkeypatch):
    monkeypatch.setitem(NUMERICS, "bpr", NUMERICS["bpr"] - 1)
    with pytest.raises(AssertionError):
        check_spec(trained["base"])


def test_the_first_page_is_right_that_the_papers_improvements_are_below_what_these_users_would_show():
    for model in ("sasrec", "dnn", "bpr"):
        base, pair = (
            Replicates(name, (Store().get(make("ml-100k", model).name),))
            for name, make in (("base", defaults.base), ("LE", defaults.pcrec))
        )
        [row] = comparisons.comparisons([(pair, base)], ["MRR@5"]).to_dict("records")
        assert 0 < row["RI paper"] < row["MDE"]


def test_a_made_record_that_does_not_follow_from_its_ranks_is_seen():
    spec = Trivial(Data("synthetic"), "recency")
    result = derive.trivial(spec, split(datasets.load(spec.data)))
    check_made(run_record(spec, result, MADE))
    for damage in (another_rank, lambda result: result["test"].pop("HIT@5")):
        worse = copy.deepcopy(result)
        damage(worse)
        with pytest.raises(AssertionError):
            check_made(run_record(spec, worse, MADE))
