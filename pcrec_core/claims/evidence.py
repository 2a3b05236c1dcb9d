"""What the records say on each claim: the planned runs of both arms, compared. Nothing is trained here. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pcrec_core import curves, plans, settings, stats
from pcrec_core.arms import Arm
from pcrec_core.claims import words
from pcrec_core.claims.tables import table
from pcrec_core.claims.verdict import SUPPORTING, Claim, Evidence, decide, registry
from pcrec_core.claims.welch import welch
from pcrec_core.derived import trainings
from pcrec_core.metrics import PRIMARY
from pcrec_core.records import Record, Store
from pcrec_core.variants import Spec, variant

#: B of "a proper alpha over a random one": the mean over the other alphas, seed by seed.
_RANDOM = "LE@random"


def decided(store: Store) -> pd.DataFrame:
    """Every claim with its word on MRR@5, NDCG@20's in brackets, and all that belongs beside it: ``tables.table``."""
    shelf = Shelf(store)
    main, supporting = (gather(shelf, metric) for metric in (PRIMARY, SUPPORTING))
    return table(decide(main | over_runs(shelf)), decide(supporting))


@dataclass(frozen=True)
class Shelf:
    """The records of a store, each read once."""

    store: Store
    _read: dict[Spec, Record | None] = field(default_factory=dict)

    def __getitem__(self, spec: Spec) -> Record | None:
        if spec not in self._read:
            self._read[spec] = self.store.get(spec.name)
        return self._read[spec]


def gather(shelf: Shelf, metric: str) -> dict[str, Evidence]:
    """The evidence on every claim about users, in ``metric``."""
    return {claim.id: _evidence(claim, shelf, metric) for claim in registry().values() if claim.kind in words.KINDS}


def _evidence(claim: Claim, shelf: Shelf, metric: str) -> Evidence:
    a = _planned(claim, claim.a)
    others = [f"LE@{alpha:g}" for alpha in settings.ALPHAS if f"LE@{alpha:g}" != claim.a] if claim.b == _RANDOM else [claim.b]
    bs = [_planned(claim, label) for label in others]
    a, *bs = _same_seeds(a, bs, together=len(bs) > 1)
    found = [[record for spec in specs if (record := shelf[spec])] for specs in (a, *bs)]
    missing = sum(len(specs) - len(records) for specs, records in zip((a, *bs), found, strict=True))
    if missing and _share(a, bs):  # what is there of both is still compared run by run
        seeds = set.intersection(*({record.spec.seed for record in records} for records in found))
        found = [[record for record in records if record.spec.seed in seeds] for records in found]
    if not all(found) or (len(bs) > 1 and missing):
        return Evidence(None, missing=missing)
    arm, *over = (Arm(label, tuple(records)) for label, records in zip((claim.a, *others), found, strict=True))
    if len(over) > 1:
        return Evidence(stats.compare(arm.ranks, np.stack([other.ranks for other in over]), metric), missing=missing)
    return Evidence(arm.over(over[0], metric), missing=missing)


def _planned(claim: Claim, label: str) -> list[Spec]:
    """The runs of an arm; "dnn:base" names its own model."""
    model, _, label = label.rpartition(":")
    model = model or claim.model
    return [variant(label, claim.dataset, model, seed) for seed in plans.seeds(label, model, claim.dataset)]


def _same_seeds(a: list[Spec], bs: list[list[Spec]], together: bool) -> list[list[Spec]]:
    """The arms, cut to the seeds that all have where runs of one seed belong together: they share a training, or the mean
    over several arms is taken."""
    shared = _share(a, bs)
    if not shared and not together:
        return [a, *bs]
    seeds = set.intersection(*({spec.seed for spec in arm} for arm in (bs if together and not shared else (a, *bs))))
    return [[spec for spec in arm if spec.seed in seeds] if shared or arm is not a else arm for arm in (a, *bs)]


def _share(a: list[Spec], bs: list[list[Spec]]) -> bool:
    """Whether the arms rest on some training in common."""
    return not set().union(*map(trainings, a)).isdisjoint(set().union(*(trainings(spec) for b in bs for spec in b)))


def over_runs(shelf: Shelf) -> dict[str, Evidence]:
    """The evidence on claims whose unit is a run: what probes of the reported weights hold."""
    claims = {claim.id: claim for claim in registry().values() if claim.kind == "run-level"}
    values = {name: _by_run(claim, shelf) for name, claim in claims.items()}
    planned = {name: len(_planned(claim, "probed-LE")) for name, claim in claims.items()}
    return {name: Evidence(welch(*pair), missing=planned[name] - min(map(len, pair)))
            for name, pair in values.items() if min(map(len, pair)) >= 2}


def _by_run(claim: Claim, shelf: Shelf) -> tuple[list[float], list[float]]:
    """A number a run of both sides: the ratio of invalid block matrices (Figure 6), or the entropy of an exchange."""
    if claim.metric == "entropy":
        probes = {probe.spec.seed: probe for probe in _found(claim, "probed-LE", shelf)}
        pairs = [(run, probes[run.spec.seed]) for run in _found(claim, "LE", shelf) if run.spec.seed in probes]
        return [curves.merged_entropy(probe) for _, probe in pairs], [curves.peers_entropy(run) for run, _ in pairs]
    at = [0.5] if claim.metric == "invalid ratio at 0.5" else np.linspace(0, curves.MOST, 100)
    return tuple([float(np.mean([(np.array(curves.entropies(probe, "block matrices")) < x).mean() for x in at]))
                  for probe in _found(claim, f"probed-{label}", shelf)] for label in (claim.a, claim.b))


def _found(claim: Claim, label: str, shelf: Shelf) -> list[Record]:
    return [record for spec in _planned(claim, label) if (record := shelf[spec])]


def of_family(frame: pd.DataFrame, artifact: str, datasets: Sequence[str]) -> pd.DataFrame:
    """The rows of ``decided`` that an artifact, such as ``table3``, makes about data sets."""
    return frame[frame["family"].isin([f"{artifact}/{name}" for name in datasets])]
