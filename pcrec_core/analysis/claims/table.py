"""Verdicts as tables: one row per claim with all that belongs beside its word, and one word over data sets. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pcrec_core.analysis import crossed_t
from pcrec_core.analysis.claims import outcomes
from pcrec_core.analysis.claims.decide import SUPPORTING, Verdict
from pcrec_core.analysis.claims.run_level import Fact
from pcrec_core.analysis.paired_runs import PairedRuns
from pcrec_core.analysis.welch import Welch

#: Columns that a claim without runs leaves empty.
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
#: Column with the rows of the claims that a compound one joins, which may be of other families; no part of a CSV.
MEMBERS = "rows of members"


def table(
    verdicts: Mapping[str, Verdict],
    supporting: Mapping[str, Verdict] | None = None,
    described: Mapping[str, Sequence[Fact]] | None = None,
) -> pd.DataFrame:
    """Make one row per claim, with all that belongs beside a word.

    Parameters
    ----------
    supporting : mapping, optional
        The verdicts in NDCG@20; their words stand in brackets in a column of their own.
    described : mapping, optional
        What is measured of claims that get no word.
    """
    described = described or {}
    shown = [dict.fromkeys(_COMPARED) | _row(verdict) for verdict in verdicts.values()]
    frame = pd.DataFrame(shown, index=pd.Index(verdicts, name="id"))
    frame["described"] = [described.get(name, ()) for name in verdicts]
    frame["measured"] = [_measured(name, verdicts, described) for name in verdicts]
    rows = frame.to_dict("index")
    frame[MEMBERS] = [[rows[member] for member in claim] for claim in frame["members"]]
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
    """Make one row per claim over data sets: its word on each of ours, and one for all.

    ``frame`` is that of ``table``.
    """
    keys = ["question", "artifact", "model", "a", "b", "kind", "claim"]
    worded = frame[frame["word"] != ""].assign(artifact=lambda f: f["family"].str.partition("/")[0])
    rows = []
    for key, one in worded.groupby(keys, sort=False):
        found = dict(zip(one["data set"], one["word"], strict=True))
        rows.append(
            dict(zip(keys, key, strict=True)) | found | {"headline": outcomes.headline(found)}
        )
    return pd.DataFrame(rows, columns=[*keys, *worded["data set"].unique(), "headline"])


def _measured(
    name: str, verdicts: Mapping[str, Verdict], described: Mapping[str, Sequence[Fact]]
) -> bool:
    """Whether there are runs of it: of a compound claim, of some member."""
    claim = verdicts[name].claim
    alone = verdicts[name].found is not None or name in described
    return alone or any(_measured(member, verdicts, described) for member in claim.members)


def _row(verdict: Verdict) -> dict[str, object]:
    claim, v = verdict.claim, verdict
    row: dict[str, object] = {
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
    }
    return (
        row
        | _numbers(v)
        | {
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
    )


def _holm_sides(v: Verdict) -> dict[str, float | None]:
    """The adjusted one-sided p that the rule reads."""
    return {f"Holm {name}": getattr(v.adjusted, name, None) for name in ("p_for", "p_con", "p_not")}


def _rule(v: Verdict) -> str:
    """Which rule gave the word; empty where there is none."""
    return "" if v.adjusted is None else "amendment 1" if v.amended else "original"


def _question(v: Verdict) -> str:
    """The paper's research question, or the study's own: a control, or what stands outside the paper's five."""
    return v.claim.rq or ("controls" if v.claim.family.startswith("controls/") else "other")


def _numbers(v: Verdict) -> dict[str, object]:
    if isinstance(v.found, Welch):
        w = v.found
        return {
            "metric": v.claim.metric,
            "mean": w.mean_v,
            "mean of base": w.mean_b,
            "difference": w.difference,
            "low": w.low,
            "high": w.high,
            "p": w.p,
            "df": w.df,
            "runs": f"{w.runs_v}, {w.runs_b}",
        }
    if isinstance(v.found, PairedRuns):
        s = v.found
        return {
            "metric": v.claim.metric,
            "mean": s.mean_v,
            "mean of base": s.mean_b,
            "difference": s.L,
            "L": s.L,
            "se": s.se,
            "low": s.low,
            "high": s.high,
            "p": s.p,
            "df": s.df,
            "runs": f"{s.runs}, {s.runs}",
            "paired": True,
        }
    c, ri_paper = v.found, v.claim.ri_paper
    if c is None:
        return {"metric": v.claim.metric, "RI paper": ri_paper}
    ri_paper = None if c.metric == SUPPORTING else ri_paper  # the paper prints no NDCG
    return {
        "metric": c.metric,
        "mean": c.mean_v,
        "mean of base": c.mean_b,
        "RI": c.RI,
        "L": c.L,
        "se": c.se,
        "low": c.low,
        "high": c.high,
        "p": c.p,
        "df": c.df,
        "paired": c.paired,
        "Vseed/V": c.seed_share,
        "MDE": c.mde,
        "runs": f"{c.runs_v}, {c.runs_b}",
        "users": c.users,
        "users only": c.users_only,
        "RI paper": ri_paper,
        "DeltaRI": crossed_t.delta_ri(ri_paper, c.RI),
    }
