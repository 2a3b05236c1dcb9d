"""Verdicts as tables: one row per claim with its numbers, and one verdict over data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pcrec_core.analysis.claims import outcomes, sides
from pcrec_core.analysis.claims.decide import Verdict
from pcrec_core.analysis.claims.measurement import SUPPORTING
from pcrec_core.analysis.claims.run_level import Fact
from pcrec_core.analysis.effect_ratio import delta_ri
from pcrec_core.analysis.effects import Comparison
from pcrec_core.analysis.paired_runs import PairedRuns
from pcrec_core.analysis.welch import Welch

#: What the column ``rule`` calls the amended rule.
AMENDED = "amendment 1"
#: Columns of the numbers of runs of both arms, integers with missing values.
RUNS = ("runs_variant", "runs_base")
#: Columns that are empty for a claim without runs.
_COMPARED = (
    "mean_variant",
    "mean_base",
    "relative_improvement",
    "log_ratio",
    "se",
    "low",
    "high",
    "p",
    "df",
    "seed_share",
    "mde",
    *RUNS,
    "paired",
    "users",
    "users_only",
    "paper_relative_improvement",
    "delta_relative_improvement",
    "difference",
)
#: Column with the rows of a compound claim's members, of any family; CSV files leave it out.
MEMBERS = "member_rows"


def table(
    verdicts: Mapping[str, Verdict],
    supporting: Mapping[str, Verdict] | None = None,
    described: Mapping[str, Sequence[Fact]] | None = None,
) -> pd.DataFrame:
    """Make one row per claim: its verdict and the numbers shown with it.

    Parameters
    ----------
    verdicts : mapping from a claim's id
        The verdicts in MRR@5.
    supporting : mapping, optional
        The verdicts in NDCG@20, for a column of their own.
    described : mapping, optional
        What was measured of claims that get no verdict.
    """
    described = described or {}
    records = [dict.fromkeys(_COMPARED) | _row(verdict) for verdict in verdicts.values()]
    frame = pd.DataFrame(records, index=pd.Index(verdicts, name="id"))
    frame = frame.astype(dict.fromkeys(RUNS, "Int64"))
    frame["described"] = [described.get(name, ()) for name in verdicts]
    frame["measured"] = [_measured(name, verdicts, described) for name in verdicts]
    rows = frame.to_dict("index")
    frame[MEMBERS] = [[rows[member] for member in members] for members in frame["members"]]
    frame["family_size"] = frame["family"].map(
        frame.loc[frame["kind"].isin(sides.KINDS), "family"].value_counts()
    )
    if supporting is not None:
        frame["supporting_verdict"] = [
            supporting[name].verdict if name in supporting else "" for name in verdicts
        ]
    return frame


def headlines(frame: pd.DataFrame) -> pd.DataFrame:
    """Make one row per claim over data sets: its verdict on each, and one for all.

    ``frame`` is that of ``table``.
    """
    keys = ["question", "artifact", "model", "a", "b", "kind", "claim"]
    decided = frame[frame["verdict"] != ""]
    decided = decided.assign(artifact=decided["family"].str.partition("/")[0])
    rows = []
    for key, group in decided.groupby(keys, sort=False):
        by_dataset = dict(zip(group["dataset"], group["verdict"], strict=True))
        common = dict(zip(keys, key, strict=True))
        rows.append(common | by_dataset | {"headline": outcomes.headline(by_dataset)})
    return pd.DataFrame(rows, columns=[*keys, *decided["dataset"].unique(), "headline"])


def _measured(
    name: str, verdicts: Mapping[str, Verdict], described: Mapping[str, Sequence[Fact]]
) -> bool:
    """Return whether the claim, or some member of a compound one, has runs."""
    claim = verdicts[name].claim
    alone = verdicts[name].found is not None or name in described
    return alone or any(_measured(member, verdicts, described) for member in claim.members)


def _row(v: Verdict) -> dict[str, object]:
    claim = v.claim
    return {
        "family": claim.family,
        "dataset": claim.dataset,
        "paper_dataset": claim.paper_dataset,
        "model": claim.model,
        "a": claim.a,
        "b": claim.b,
        "kind": claim.kind,
        "members": claim.members,
        "claim": claim.sentence,
        "where": claim.where,
        "question": _question(v),
        "verdict": v.verdict,
        "grade": v.grade,
        "reason": v.reason,
        **_numbers(v),
        **_seeds(v),
        "holm_p": v.adjusted.printed if v.adjusted else None,
        **_holm_sides(v),
        "level": outcomes.level(claim.kind) if v.adjusted else None,
        "rule": _rule(v),
        "in_paper_noise": v.in_noise,
        "e": claim.e,
        "theta": claim.theta,
        "paper_variance": v.side.Vp if v.side else None,
        "e33": v.side.e33 if v.side else None,
        "below_e33": v.below_e33,
        "effect_ratio": v.er.value if v.er else None,
        "effect_ratio_low": v.er.low if v.er else None,
        "effect_ratio_high": v.er.high if v.er else None,
        "same_candidates": v.same_candidates,
    }


def _seeds(v: Verdict) -> dict[str, str]:
    """List the seeds of both arms, such as "0 1 2"; empty for an arm without randomness."""
    variant, base = (" ".join(map(str, seeds)) for seeds in v.seeds)
    return {"seeds_variant": variant, "seeds_base": base}


def _holm_sides(v: Verdict) -> dict[str, float | None]:
    """Return the adjusted one-sided p that the rule reads."""
    return {f"holm_{name}": getattr(v.adjusted, name, None) for name in ("p_for", "p_con", "p_not")}


def _rule(v: Verdict) -> str:
    """Name the rule that gave the verdict; empty where no rule did."""
    return "" if v.adjusted is None else AMENDED if v.amended else "original"


def _question(v: Verdict) -> str:
    """Name the paper's research question; "controls" for the study's own, else "other"."""
    return v.claim.rq or ("controls" if v.claim.family.startswith("controls/") else "other")


def _numbers(v: Verdict) -> dict[str, object]:
    found = v.found
    if found is None:
        return {"metric": v.claim.metric, "paper_relative_improvement": v.claim.ri_paper}
    common = {
        "metric": v.claim.metric,
        "mean_variant": found.mean_v,
        "mean_base": found.mean_b,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "df": found.df,
    }
    if isinstance(found, Welch):
        return common | _runs(found.runs_v, found.runs_b) | {"difference": found.difference}
    common |= {"se": found.se}
    if isinstance(found, PairedRuns):
        return common | _runs(found.runs, found.runs) | {"difference": found.L, "paired": True}
    return common | _compared(found, v.claim.ri_paper)


def _runs(variant: int, base: int) -> dict[str, object]:
    return dict(zip(RUNS, (variant, base), strict=True))


def _compared(c: Comparison, ri_paper: float | None) -> dict[str, object]:
    """Return the numbers that only a comparison over users and runs has."""
    ri_paper = None if c.metric == SUPPORTING else ri_paper  # the paper prints no NDCG
    return {
        "metric": c.metric,
        "relative_improvement": c.RI,
        "log_ratio": c.L,
        "paired": c.paired,
        "seed_share": c.seed_share,
        "mde": c.mde,
        **_runs(c.runs_v, c.runs_b),
        "users": c.users,
        "users_only": c.users_only,
        "paper_relative_improvement": ri_paper,
        "delta_relative_improvement": delta_ri(ri_paper, c.RI),
    }
