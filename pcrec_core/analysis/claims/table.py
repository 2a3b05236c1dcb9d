"""Verdicts as tables: one row per claim with its numbers, and one word over data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pcrec_core.analysis import crossed_t
from pcrec_core.analysis.claims import outcomes
from pcrec_core.analysis.claims.decide import Verdict
from pcrec_core.analysis.claims.measurement import SUPPORTING
from pcrec_core.analysis.claims.run_level import Fact
from pcrec_core.analysis.crossed_t import Comparison
from pcrec_core.analysis.paired_runs import PairedRuns
from pcrec_core.analysis.welch import Welch

#: Columns that are empty for a claim without runs.
_COMPARED = (
    "mean",
    "mean of base",
    "RI",
    "L",
    "se",
    "low",
    "high",
    "p",
    "df",
    "Vseed/V",
    "MDE",
    "runs",
    "paired",
    "users",
    "users only",
    "RI paper",
    "DeltaRI",
    "difference",
)
#: Column with the rows of a compound claim's members, of any family; CSV files leave it out.
MEMBERS = "rows of members"


def table(
    verdicts: Mapping[str, Verdict],
    supporting: Mapping[str, Verdict] | None = None,
    described: Mapping[str, Sequence[Fact]] | None = None,
) -> pd.DataFrame:
    """Make one row per claim: its word and the numbers that a word is shown with.

    Parameters
    ----------
    verdicts : mapping from a claim's id
        The verdicts in MRR@5.
    supporting : mapping, optional
        The verdicts in NDCG@20; their words stand in brackets in a column of their own.
    described : mapping, optional
        What was measured of claims that get no word.
    """
    described = described or {}
    records = [dict.fromkeys(_COMPARED) | _row(verdict) for verdict in verdicts.values()]
    frame = pd.DataFrame(records, index=pd.Index(verdicts, name="id"))
    frame["described"] = [described.get(name, ()) for name in verdicts]
    frame["measured"] = [_measured(name, verdicts, described) for name in verdicts]
    rows = frame.to_dict("index")
    frame[MEMBERS] = [[rows[member] for member in members] for members in frame["members"]]
    frame["m"] = frame["family"].map(
        frame.loc[frame["kind"].isin(outcomes.KINDS), "family"].value_counts()
    )
    if supporting is not None:
        frame[SUPPORTING] = [
            f"({supporting[name].word})" if name in supporting and supporting[name].word else ""
            for name in verdicts
        ]
    return frame


def headlines(frame: pd.DataFrame) -> pd.DataFrame:
    """Make one row per claim over data sets: its word on each, and one for all.

    ``frame`` is that of ``table``.
    """
    keys = ["question", "artifact", "model", "a", "b", "kind", "claim"]
    worded = frame[frame["word"] != ""].assign(artifact=lambda f: f["family"].str.partition("/")[0])
    rows = []
    for key, group in worded.groupby(keys, sort=False):
        words = dict(zip(group["data set"], group["word"], strict=True))
        common = dict(zip(keys, key, strict=True))
        rows.append(common | words | {"headline": outcomes.headline(words)})
    return pd.DataFrame(rows, columns=[*keys, *worded["data set"].unique(), "headline"])


def _measured(
    name: str, verdicts: Mapping[str, Verdict], described: Mapping[str, Sequence[Fact]]
) -> bool:
    """Tell whether the claim, or some member of a compound one, has runs."""
    claim = verdicts[name].claim
    alone = verdicts[name].found is not None or name in described
    return alone or any(_measured(member, verdicts, described) for member in claim.members)


def _row(v: Verdict) -> dict[str, object]:
    claim = v.claim
    return {
        "family": claim.family,
        "data set": claim.dataset,
        "paper data set": claim.paper_dataset,
        "model": claim.model,
        "a": claim.a,
        "b": claim.b,
        "kind": claim.kind,
        "members": claim.members,
        "claim": claim.sentence,
        "where": claim.where,
        "question": _question(v),
        "word": v.word,
        "grade": v.grade,
        "reason": v.reason,
        **_numbers(v),
        "Holm p": v.adjusted.printed if v.adjusted else None,
        **_holm_sides(v),
        "rule": _rule(v),
        "in the paper's noise": v.in_noise,
        "e": claim.e,
        "theta": claim.theta,
        "Vp": v.side.Vp if v.side else None,
        "e33": v.side.e33 if v.side else None,
        "below e33": v.below_e33,
        "ER": v.er.value if v.er else None,
        "ER low": v.er.low if v.er else None,
        "ER high": v.er.high if v.er else None,
    }


def _holm_sides(v: Verdict) -> dict[str, float | None]:
    """Return the adjusted one-sided p that the rule reads."""
    return {f"Holm {name}": getattr(v.adjusted, name, None) for name in ("p_for", "p_con", "p_not")}


def _rule(v: Verdict) -> str:
    """Name the rule that gave the word; empty where no rule did."""
    return "" if v.adjusted is None else "amendment 1" if v.amended else "original"


def _question(v: Verdict) -> str:
    """Name the paper's research question; "controls" for the study's own, else "other"."""
    return v.claim.rq or ("controls" if v.claim.family.startswith("controls/") else "other")


def _numbers(v: Verdict) -> dict[str, object]:
    found = v.found
    if found is None:
        return {"metric": v.claim.metric, "RI paper": v.claim.ri_paper}
    common = {
        "metric": v.claim.metric,
        "mean": found.mean_v,
        "mean of base": found.mean_b,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "df": found.df,
    }
    if isinstance(found, Welch):
        runs = f"{found.runs_v}, {found.runs_b}"
        return common | {"difference": found.difference, "runs": runs}
    common |= {"L": found.L, "se": found.se}
    if isinstance(found, PairedRuns):
        runs = f"{found.runs}, {found.runs}"
        return common | {"difference": found.L, "runs": runs, "paired": True}
    return common | _compared(found, v.claim.ri_paper)


def _compared(c: Comparison, ri_paper: float | None) -> dict[str, object]:
    """Return the numbers that only a comparison over users and runs has."""
    ri_paper = None if c.metric == SUPPORTING else ri_paper  # the paper prints no NDCG
    return {
        "metric": c.metric,
        "RI": c.RI,
        "paired": c.paired,
        "Vseed/V": c.seed_share,
        "MDE": c.mde,
        "runs": f"{c.runs_v}, {c.runs_b}",
        "users": c.users,
        "users only": c.users_only,
        "RI paper": ri_paper,
        "DeltaRI": crossed_t.delta_ri(ri_paper, c.RI),
    }
