"""What the records say on each claim: the planned runs of both arms, compared. Nothing is trained here. No torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pcrec_core.analysis import comparisons, crossed_t
from pcrec_core.analysis.claims import ladder, outcomes, run_level
from pcrec_core.analysis.claims.decide import SUPPORTING, Claim, Evidence, decide, registry
from pcrec_core.analysis.claims.planned_records import Shelf, planned
from pcrec_core.analysis.claims.table import table
from pcrec_core.errors import NotChosen
from pcrec_core.metrics import PRIMARY
from pcrec_core.specs.derived import trainings
from pcrec_core.study import defaults
from pcrec_core.study.records import Store
from pcrec_core.study.replicates import Replicates
from pcrec_core.study.variants import Spec

#: B of "a proper alpha over a random one": the mean over the other alphas, seed by seed.
_RANDOM = "LE@random"


def decided(store: Store) -> pd.DataFrame:
    """Decide every claim on MRR@5, with NDCG@20's word in brackets and all that belongs beside it.

    The frame is that of ``tables.table``; its column ``original rule`` has the word by the rule before Amendment 1.
    """
    shelf = Shelf(store)
    main, supporting = (gather(shelf, metric) for metric in (PRIMARY, SUPPORTING))
    frame = table(
        decide(main | run_level.tested(shelf)), decide(supporting), run_level.described(shelf)
    )
    before = decide(gather(shelf, PRIMARY, by_seed=False), original=True)
    return frame.assign(**{"original rule": [before[name].word for name in frame.index]})


def gather(shelf: Shelf, metric: str, *, by_seed: bool = True) -> dict[str, Evidence]:
    """Compare the arms of every claim about users, in ``metric``, and of every claim about seeds.

    ``by_seed`` False leaves equal seeds unpaired, as the rule before Amendment 1 did.
    """
    claims = registry().values()
    of_users = {
        c.id: _evidence(c, shelf, metric, by_seed) for c in claims if c.kind in outcomes.OF_USERS
    }
    return of_users | {
        c.id: ladder.evidence(c, shelf, metric) for c in claims if c.kind == outcomes.BY_SEED
    }


def _evidence(claim: Claim, shelf: Shelf, metric: str, by_seed: bool) -> Evidence:
    try:
        return _compared(claim, shelf, metric, by_seed)
    except NotChosen:  # the trials of a setting that the arm needs have not been run
        return Evidence(None, missing=1)


def _compared(claim: Claim, shelf: Shelf, metric: str, by_seed: bool) -> Evidence:
    a = planned(claim, claim.a)
    others = (
        [f"LE@{alpha:g}" for alpha in defaults.ALPHAS if f"LE@{alpha:g}" != claim.a]
        if claim.b == _RANDOM
        else [claim.b]
    )
    bs = [planned(claim, label) for label in others]
    a, *bs = _same_seeds(a, bs, together=len(bs) > 1)
    found = [[record for spec in specs if (record := shelf[spec])] for specs in (a, *bs)]
    missing = sum(len(specs) - len(records) for specs, records in zip((a, *bs), found, strict=True))
    if missing and _share(a, bs):  # what is there of both is still compared run by run
        seeds = set.intersection(*({record.spec.seed for record in records} for records in found))
        found = [[record for record in records if record.spec.seed in seeds] for records in found]
    if not all(found) or (len(bs) > 1 and missing):
        return Evidence(None, missing=missing)
    arm, *over = (
        Replicates(label, tuple(records))
        for label, records in zip((claim.a, *others), found, strict=True)
    )
    if len(over) == 1:
        return Evidence(comparisons.compare(arm, over[0], metric, by_seed=by_seed), missing=missing)
    paired = by_seed and all(comparisons.same_seeds(arm, other) for other in over)
    others = np.stack([other.ranks for other in over])
    return Evidence(crossed_t.compare(arm.ranks, others, metric, paired=paired), missing=missing)


def _same_seeds(a: list[Spec], bs: list[list[Spec]], together: bool) -> list[list[Spec]]:
    """The arms, cut to the seeds that all have where runs of one seed belong together: they share a training, or the mean
    over several arms is taken."""
    shared = _share(a, bs)
    if not shared and not together:
        return [a, *bs]
    seeds = set.intersection(
        *({spec.seed for spec in arm} for arm in (bs if together and not shared else (a, *bs)))
    )
    return [
        [spec for spec in arm if spec.seed in seeds] if shared or arm is not a else arm
        for arm in (a, *bs)
    ]


def _share(a: list[Spec], bs: list[list[Spec]]) -> bool:
    """Whether the arms rest on some training in common."""
    return (
        not set()
        .union(*map(trainings, a))
        .isdisjoint(set().union(*(trainings(spec) for b in bs for spec in b)))
    )


def of_family(frame: pd.DataFrame, artifact: str, datasets: Sequence[str]) -> pd.DataFrame:
    """The rows of ``decided`` that an artifact, such as ``table3``, makes about data sets."""
    return frame[frame["family"].isin([f"{artifact}/{name}" for name in datasets])]
