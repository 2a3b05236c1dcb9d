"""The study's findings, one line each: a question, an answer with a number, and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pcrec_core.analysis import comparisons
from pcrec_core.analysis.claims.outcomes import NOT_TESTED, SUPPORTED
from pcrec_core.metrics import PRIMARY
from pcrec_core.reporting.formats import improvement, number, percent, share
from pcrec_core.reporting.names import arm_name, dataset_name, listed, model_name
from pcrec_core.reporting.summary import places
from pcrec_core.specs.trivial import TRIVIAL
from pcrec_core.study.replicates import Replicates


@dataclass(frozen=True)
class Finding:
    """A question, its computed answer, and the name of the page with the evidence."""

    question: str
    answer: str
    page: str


def compared(claims: pd.DataFrame, b: str, kind: str = "better") -> str:
    """State how often PCRec was supported against ``b``, and its most precise comparison.

    Parameters
    ----------
    claims : DataFrame
        The frame of ``evidence.decided``.
    b : str
        A label, such as "avg".
    kind : str
        The kind of the claims.
    """
    against = (claims["a"] == "LE") & (claims["b"] == b) & (claims["kind"] == kind)
    rows = claims[against & claims["relative_improvement"].notna()]
    tested = rows[rows["verdict"] != NOT_TESTED]
    if rows.empty:
        return "Not measured so far."
    one = _most_precise(rows if tested.empty else tested)
    gain = f"{percent(one['relative_improvement'])} for {_place(one)}"
    if tested.empty:
        return f"Not tested, for lack of runs; the most precise comparison gives {gain}."
    if len(tested) == 1:
        return f"The one test gives {gain} ({one['verdict']})."
    won = int((tested["verdict"] == SUPPORTED).sum())
    return (
        f"Supported in {won or 'none'} of {len(tested)} tests; the most precise gives {gain}"
        f" ({one['verdict']})."
    )


def _most_precise(rows: pd.DataFrame) -> pd.Series:
    return rows.loc[rows["se"].astype(float).idxmin()]


def _place(row: pd.Series) -> str:
    return f"{model_name(row['model'])} on {dataset_name(row['dataset'])}"


def mechanism(claim: pd.Series) -> str:
    """State the shares of invalid layers at the paper's threshold (Figure 6).

    ``claim`` is the row ``fig6-ml-half``: the shares are constant over runs, or have means.
    """
    facts = [fact.numbers for fact in claim["described"] if fact.kind == "constant"]
    pcrec, base = (
        (facts[0]["value_a"], facts[0]["value_b"])
        if facts
        else (claim["mean_variant"], claim["mean_base"])
    )
    begins, where = "At the paper's threshold of 0.5,", _place(claim)
    if pcrec == base:
        return f"{begins} {share(base)} of the layers are invalid in PCRec and base ({where})."
    return f"{begins} {share(pcrec)} of layers are invalid, {share(base)} in the base ({where})."


def thresholds(claim: pd.Series) -> str:
    """State at how many thresholds PCRec's share of invalid layers is smaller, and larger.

    ``claim`` is the row ``fig6-ml-always``; without such a fact the sentence is empty.
    """
    facts = [fact.numbers for fact in claim["described"] if fact.kind == "thresholds"]
    if not facts:
        return ""
    return (
        f"Over the {facts[0]['thresholds']} thresholds where runs differ, PCRec's share is smaller"
        f" at {facts[0]['smaller']} and larger at {facts[0]['larger']}."
    )


def schedule_alone(groups: Sequence[Mapping[str, Replicates]]) -> str:
    """State what PCRec's gain is where only PCRec has the learning-rate schedule.

    Parameters
    ----------
    groups : sequence of mapping
        The arms of each model on one data set, by label: "LE", "base" and "base-constant".
    """
    gains = [
        f"{percent(_gain(arms['LE'], arms['base-constant']))} instead of"
        f" {percent(_gain(arms['LE'], arms['base']))} for {model_name(arms['base'].model)}"
        for arms in groups
    ]
    where = dataset_name(groups[0]["base"].dataset)
    return f"With the schedule alone, PCRec's gain on {where} is {listed(gains)}."


def _gain(pcrec: Replicates, base: Replicates) -> float:
    means = [comparisons.mean_of(arm, PRIMARY).mean for arm in (pcrec, base)]
    return means[0] / means[1] - 1


def released(rungs: pd.DataFrame, alone: str) -> str:
    """State what the released code adds to PCRec's gain: the first rung of the ladder, the fourth.

    Parameters
    ----------
    rungs : DataFrame
        The frame of ``ladder.climbed``.
    alone : str
        The sentence of ``schedule_alone``, for as long as no model has runs on both rungs.
    """
    begins = (
        "The released code picks epochs on the test set and gives only PCRec a learning-rate"
        " schedule"
    )
    rungs = rungs[rungs["metric"] == PRIMARY]
    gains = rungs.pivot(index="model", columns="rung", values="relative_improvement")
    tested = gains.reindex(rungs["model"].unique())[[1, 4]].dropna()
    if tested.empty:
        return f"{begins}; runs that measure both are missing. {alone}"
    listed_gains = listed(
        [
            f"{percent(row[1])} instead of {percent(row[4])} for {model_name(str(model))}"
            for model, row in tested.iterrows()
        ]
    )
    where = dataset_name(rungs["dataset"].iloc[0])
    return f"{begins}: with both, PCRec's gain on {where} is {listed_gains}."


def by_target(frame: pd.DataFrame) -> str:
    """State for which models new and repeated targets differ in their gain, an exploratory result.

    ``frame`` is that of ``controls.by_target``.
    """
    if frame.empty:
        return "No data set here has both new and repeated targets."
    rows = frame[(frame["metric"] == PRIMARY) & (frame["p_of_z"] < 0.05)]
    gains = [
        f"{model_name(str(model))} on {dataset_name(str(dataset))}:"
        f" {', '.join(map(_target, kinds.to_dict('records')))}"
        for (dataset, model), kinds in rows.groupby(["dataset", "model"], sort=False)
    ]
    if not gains:
        return "Exploratory: in no model do new and repeated targets clearly differ in their gain."
    return (
        f"Exploratory: new and repeated targets differ in their gain in {PRIMARY} for"
        f" {'; '.join(gains)}."
    )


def _target(row: Mapping[str, Any]) -> str:
    return f"{improvement(row)} for {row['targets']} targets"


def credibility(values: pd.DataFrame) -> str:
    """State where a ranking without a model beats the most base models, in each metric.

    ``values`` is the frame of ``comparisons.values`` of bases and rankings without a model.
    """
    trivial = values[values["variant"].isin(TRIVIAL)]
    scored = trivial.assign(beaten=[_beaten(row, values) for row in trivial.to_dict("records")])
    first = scored[scored["metric"] == PRIMARY]
    top = first.sort_values(["beaten", "mean"]).iloc[-1]
    same = scored[(scored["dataset"] == top["dataset"]) & (scored["variant"] == top["variant"])]
    bases = _bases(top, values)
    others = "".join(
        f"; in {row['metric']} it beats {row['beaten'] or 'none'} of {len(bases)}"
        for row in same[same["metric"] != PRIMARY].to_dict("records")
    )
    return (
        f"On {dataset_name(top['dataset'])} {arm_name(top['variant'])} without a model beats"
        f" {top['beaten']} of {len(bases)} base models in {PRIMARY}"
        f" ({number(3)(top['mean'])} against at most {number(3)(bases.max())}){others}."
    )


def _bases(row: Mapping[str, object], values: pd.DataFrame) -> pd.Series:
    same = (values["dataset"] == row["dataset"]) & (values["metric"] == row["metric"])
    return values.loc[same & (values["variant"] == "base"), "mean"]


def _beaten(row: Mapping[str, object], values: pd.DataFrame) -> int:
    return int((_bases(row, values) < row["mean"]).sum())


def price(modes: Mapping[str, str]) -> str:
    """State what training and inference cost; ``modes`` are the texts of ``format_modes``."""
    return (
        f"Training a pair takes {modes['cost-serial']} times as long as one model"
        f" ({modes['cost-parallel']} in parallel) and {modes['cost-serial-peak']} times its memory"
        f" ({modes['cost-parallel-peak']}); inference costs the same, with an ensemble of two"
        f" {modes['cost-ensemble-2']} times as much."
    )


def over_base(claims: pd.DataFrame) -> str:
    """State which variants are shown to beat their base, of the claims of Table 4."""
    rows = claims[(claims["b"] == "base") & (claims["kind"] == "better")]
    won = rows[rows["verdict"] == SUPPORTED]
    if won.empty:
        return "No variant is shown to beat its base."
    shown = [
        f"{arm_name(str(label))} for {places(one)}" for label, one in won.groupby("a", sort=False)
    ]
    return f"Shown to beat their base: {listed(shown)}; no other variant."


def findings(
    claims: pd.DataFrame, released_code: str, values: pd.DataFrame, modes: Mapping[str, str]
) -> list[Finding]:
    """Answer the questions that follow the first one, in the order of the front page.

    ``released_code`` is the sentence of ``released``.
    """
    ensemble = compared(claims, "M2", "at least")
    return [
        Finding("More than plain averaging?", compared(claims, "avg"), "controls"),
        Finding(
            "More than training one model twice as long?",
            compared(claims, "base-2x-epochs"),
            "controls",
        ),
        Finding("As good as an ensemble of two?", ensemble, "table4"),
        Finding("By the claimed mechanism?", mechanism(claims.loc["fig6-ml-half"]), "fig6"),
        Finding("What does the released code add?", released_code, "deviations"),
        Finding("Are the baselines credible?", credibility(values), "baselines"),
        Finding("What does it cost?", price(modes), "cost"),
    ]
