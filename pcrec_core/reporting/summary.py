"""The study in a few sentences: its answer, and how every claim fared."""

from __future__ import annotations

import pandas as pd

from pcrec_core.analysis.claims.outcomes import (
    CONTRADICTED,
    INCONCLUSIVE,
    NOT_TESTED,
    RULED_OUT,
    SUPPORTED,
    VERDICTS,
)
from pcrec_core.analysis.paper import ORIGINAL_CLAIMS
from pcrec_core.metrics import PRIMARY
from pcrec_core.reporting.formats import improvement, percent, runs_of_both
from pcrec_core.reporting.names import DATASETS, MODELS, dataset_name, listed, model_name

#: What stands for the verdict of a claim without one, by whether it was measured.
WITHOUT_VERDICT = {True: "measured without a verdict", False: "not measured"}
#: Every way in which a claim can fare, in the order of pages.
FATES = (*VERDICTS, *WITHOUT_VERDICT.values())
_TESTED = tuple(verdict for verdict in VERDICTS if verdict != NOT_TESTED)


def gains(claims: pd.DataFrame) -> pd.DataFrame:
    """Select the claims that PCRec beats its base, model by model, in the order of pages."""
    own = (claims["a"] == "LE") & (claims["b"] == "base") & (claims["kind"] == "better")
    main = claims[own & claims["family"].str.startswith("table3/")]
    order = {"dataset": list(DATASETS).index, "model": list(MODELS).index}
    return main.sort_values(
        ["dataset", "model"], key=lambda names: names.map(order[str(names.name)])
    )


def answer(claims: pd.DataFrame) -> str:
    """Answer in at most three sentences whether PCRec beats its base model.

    Parameters
    ----------
    claims : DataFrame
        The frame of ``evidence.decided``.
    """
    main = gains(claims)
    tested = main[main["verdict"] != NOT_TESTED]
    if tested.empty:
        return "PCRec has not been tested against its base so far."
    won = tested[tested["verdict"] == SUPPORTED]
    beats = f"{len(won)} ({places(won)})" if len(won) else "none"
    sentences = [
        f"In {PRIMARY}, PCRec is shown to beat its base model in {beats} of the {len(tested)}"
        f" test{'s' * (len(tested) > 1)} ({places(tested)}).",
        _others(tested),
    ]
    left = main[main["verdict"] == NOT_TESTED]
    if len(left):
        begun = "too few runs" if left["measured"].any() else "no runs"
        sentences.append(
            f"{len(left)} further test{'s have' if len(left) > 1 else ' has'} {begun} yet, on"
            f" {_datasets(left['dataset'].tolist())}."
        )
    return " ".join(sentence for sentence in sentences if sentence)


def one_by_one(main: pd.DataFrame) -> list[str]:
    """State the gain and the verdict of each model on each data set, one sentence each.

    ``main`` is the frame of ``gains``; a claim without runs has no sentence.
    """
    return [
        f"{model_name(row['model'])} on {dataset_name(row['dataset'])}: {improvement(row)}, the"
        f" paper {percent(row['paper_relative_improvement'])}; {row['verdict']}, runs"
        f" {runs_of_both(row)}."
        for row in main[main["relative_improvement"].notna()].to_dict("records")
    ]


def _others(tested: pd.DataFrame) -> str:
    """State for which comparisons the gain is not supported; empty if it is for all."""
    begins = {
        CONTRADICTED: "it is worse for",
        RULED_OUT: "a gain as large as claimed is excluded for",
    }
    found = {one: tested[tested["verdict"] == one] for one in (*begins, INCONCLUSIVE)}
    clauses = [f"{begin} {places(found[one])}" for one, begin in begins.items() if len(found[one])]
    if left := len(found[INCONCLUSIVE]):
        clauses.append(f"the result is inconclusive for {left}")
    text = "; ".join(clauses)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def places(rows: pd.DataFrame) -> str:
    """List models by data set, such as "DNN on RR-half and ML-100K"."""
    by_models: dict[str, list[str]] = {}
    for dataset, models in rows.groupby("dataset", sort=False)["model"]:
        names = listed([model_name(model) for model in models])
        by_models.setdefault(names, []).append(str(dataset))
    return listed([f"{names} on {_datasets(where)}" for names, where in by_models.items()])


def _datasets(names: list[str]) -> str:
    return listed([dataset_name(name) for name in dict.fromkeys(names)])


def fates(claims: pd.DataFrame) -> pd.Series:
    """Return how each claim fared, one of ``FATES``: its verdict, or why it has none."""
    without = claims["measured"].map(WITHOUT_VERDICT)
    return claims["verdict"].where(claims["verdict"] != "", without)


def coverage(claims: pd.DataFrame) -> str:
    """State in two sentences how many claims were confronted and how each fared."""
    counts = fates(claims).value_counts()
    tested = [f"{counts[fate]} {fate}" for fate in _TESTED if fate in counts]
    others = [
        f"{counts[fate]} {'is' if counts[fate] == 1 else 'are'} {fate}"
        for fate in FATES
        if fate in counts and fate not in _TESTED
    ]
    few = int(((claims["verdict"] == NOT_TESTED) & claims["measured"]).sum())
    of_them = f" ({few} of those not tested {'has' if few == 1 else 'have'} too few runs)"
    return (
        f"The study registers {len(claims)} claims, {ORIGINAL_CLAIMS} of them before the first run,"
        f" and has tested {len(_tested(claims))}{': ' * bool(tested)}{listed(tested)}."
        + f" Of the others, {listed(others)}{of_them * bool(few)}."
        * bool(others)
    )


def fared(claims: pd.DataFrame) -> str:
    """State how the claims of a page fared, and the tested improvements; empty without a claim."""
    counts = fates(claims).value_counts() if len(claims) else {}
    parts = [f"{counts[fate]} {fate}" for fate in FATES if fate in counts]
    if list(counts) == [len(claims)] and NOT_TESTED in counts:
        return (
            f"None of the {len(claims)} claims on this page has been tested so far: a test needs"
            " three runs per arm, and every run that is planned."
        )
    return f"Claims on this page: {listed(parts)}.{_range(claims)}" if parts else ""


def _tested(claims: pd.DataFrame) -> pd.DataFrame:
    return claims[~claims["verdict"].isin(("", NOT_TESTED))]


def _range(claims: pd.DataFrame) -> str:
    """State between which values the tested improvements lie; empty with fewer than two."""
    gains = _tested(claims)["relative_improvement"].dropna()
    if len(gains) < 2:
        return ""
    least, most = percent(gains.min()), percent(gains.max())
    return f" The {len(gains)} tested improvements in {PRIMARY} lie between {least} and {most}."
