"""Decide the claims from records: compare the planned runs of both arms, training nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from pcrec_core.analysis import baselines, comparisons, crossed_t
from pcrec_core.analysis.claims import ladder, run_level, sides
from pcrec_core.analysis.claims.decide import decide
from pcrec_core.analysis.claims.measurement import SUPPORTING, Evidence
from pcrec_core.analysis.claims.planned_records import Reader, planned, reader
from pcrec_core.analysis.claims.registry import Claim, registry
from pcrec_core.analysis.claims.table import table
from pcrec_core.analysis.effects import Comparison
from pcrec_core.errors import NotChosen
from pcrec_core.metrics import PRIMARY
from pcrec_core.specs.trainings import trainings
from pcrec_core.study import defaults
from pcrec_core.study.records import Store
from pcrec_core.study.replicates import Replicates
from pcrec_core.study.variants import Spec

#: b of "a proper alpha over a random one": the mean over the other alphas, seed by seed.
_RANDOM = "LE@random"


def decided(store: Store, datasets: Collection[str] | None = None) -> pd.DataFrame:
    """Decide every claim on MRR@5, with the verdict in NDCG@20 beside it.

    The frame is that of ``table.table``; its column ``original_verdict`` is the verdict by
    the rule before Amendment 1. Where ``datasets`` are given, records on others are not read, and
    claims about others count as not measured: no family has claims about two data sets.
    """
    read = reader(store, datasets)
    main, supporting = (gather(read, metric) for metric in (PRIMARY, SUPPORTING))
    verdicts = decide(main | run_level.tested(read))
    frame = table(verdicts, decide(supporting), run_level.described(read))
    before = decide(gather(read, PRIMARY, by_seed=False), original=True)
    return frame.assign(original_verdict=[before[name].verdict for name in frame.index])


def gather(read: Reader, metric: str, *, by_seed: bool = True) -> dict[str, Evidence]:
    """Compare the arms of every claim about users, in ``metric``, and of every claim about seeds.

    ``by_seed`` False leaves equal seeds unpaired, as the rule before Amendment 1 did.
    """
    claims = registry().values()
    of_users = {
        c.id: _evidence(c, read, metric, by_seed) for c in claims if c.kind in sides.OF_USERS
    }
    return of_users | {
        c.id: ladder.evidence(c, read, metric) for c in claims if c.kind == sides.BY_SEED
    }


def _evidence(claim: Claim, read: Reader, metric: str, by_seed: bool) -> Evidence:
    try:
        return _compared(claim, read, metric, by_seed)
    except NotChosen:  # the trials of a setting that the arm needs have not been run
        return Evidence(None, missing=1)


def _compared(claim: Claim, read: Reader, metric: str, by_seed: bool) -> Evidence:
    bases = _bases(claim)
    arms = _with_common_seeds(planned(claim, claim.a), [planned(claim, label) for label in bases])
    found = [[record for spec in arm if (record := read(spec))] for arm in arms]
    missing = sum(map(len, arms)) - sum(map(len, found))
    if missing and _share_training(*arms):  # the seeds that all arms have are still compared
        seeds = set.intersection(*({record.spec.seed for record in records} for records in found))
        found = [[record for record in records if record.spec.seed in seeds] for records in found]
    if not all(found) or (len(bases) > 1 and missing):
        return Evidence(None, missing=missing)
    variant, *others = (
        Replicates(label, tuple(records))
        for label, records in zip((claim.a, *bases), found, strict=True)
    )
    found_seeds = _seeds(variant), _seeds(others[0])
    return Evidence(
        _compare(variant, others, metric, by_seed),
        missing=missing,
        seeds=found_seeds,
        same_candidates=all(baselines.comparable(variant, other) for other in others),
    )


def _seeds(arm: Replicates) -> tuple[int, ...]:
    return tuple(run.spec.seed for run in arm.runs) if arm.random else ()


def _bases(claim: Claim) -> list[str]:
    """Return the labels whose mean is the claim's b; one of them but for a random alpha."""
    if claim.b != _RANDOM:
        return [claim.b]
    labels = [f"LE@{alpha:g}" for alpha in defaults.ALPHAS]
    return [label for label in labels if label != claim.a]


def _compare(
    variant: Replicates, bases: Sequence[Replicates], metric: str, by_seed: bool
) -> Comparison:
    if len(bases) == 1:
        return comparisons.compare(variant, bases[0], metric, by_seed=by_seed)
    paired = by_seed and all(comparisons.same_seeds(variant, base) for base in bases)
    ranks = np.stack([base.ranks_for(metric) for base in bases])
    return crossed_t.compare(variant.ranks_for(metric), ranks, metric, paired=paired)


def _with_common_seeds(a: list[Spec], bases: list[list[Spec]]) -> list[list[Spec]]:
    """Cut the arms to their common seeds where runs of one seed belong together.

    They do where a shares a training with a base, and among several bases, whose mean is taken
    seed by seed.
    """
    shared = _share_training(a, *bases)
    if not shared and len(bases) == 1:
        return [a, *bases]
    together = [a, *bases] if shared else bases
    seeds = set.intersection(*({spec.seed for spec in arm} for arm in together))
    cut = [[spec for spec in arm if spec.seed in seeds] for arm in together]
    return cut if shared else [a, *cut]


def _share_training(a: list[Spec], *bases: list[Spec]) -> bool:
    """Return whether arm a shares a training with some base."""
    own = {training for spec in a for training in trainings(spec)}
    return any(not own.isdisjoint(trainings(spec)) for base in bases for spec in base)


def of_family(frame: pd.DataFrame, artifact: str, datasets: Sequence[str]) -> pd.DataFrame:
    """Return the rows of ``decided`` about an artifact, such as ``table3``, and data sets."""
    return frame[frame["family"].isin([f"{artifact}/{name}" for name in datasets])]
