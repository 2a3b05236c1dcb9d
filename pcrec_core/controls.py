"""What the pages on controls and deviations show beside the crossed t: strata, other ways to an interval, single lines of the
protocols' table, and what choosing on the test set adds. Frames with one row a comparison and metric. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pcrec_core import report
from pcrec_core.analysis import comparisons, robustness
from pcrec_core.analysis.comparisons import named
from pcrec_core.analysis.selection_bias import Chosen, chosen, habit
from pcrec_core.analysis.strata import Stratum, differ, strata
from pcrec_core.metrics import METRICS, PRIMARY, SELECTION
from pcrec_core.report import Html, count, number, percent, probability, share, size, with_interval
from pcrec_core.study.records import Record, same_users
from pcrec_core.study.replicates import Replicates, matched

KINDS = ("new", "repeated")


def by_target(
    pairs: Sequence[tuple[Replicates, Replicates]], metrics: Sequence[str] = METRICS
) -> pd.DataFrame:
    """Each pair (variant, base) among users whose target is new to them, and among those whose target is repeated.

    A row a pair, metric and kind of target: its share, both means, RI with its interval, its part of the absolute gain of
    all users, and the p of z, whether the two kinds differ (exploratory). Data whose targets are all of one kind have none.
    """
    both = (pair for pair in pairs if len(np.unique(pair[0].runs[0].repeated)) == 2)
    return pd.DataFrame(
        [row for pair in both for metric in metrics for row in _by_target(*matched(*pair), metric)]
    )


def _by_target(over: Replicates, base: Replicates, metric: str) -> list[dict[str, Any]]:
    same_users([*over.runs, *base.runs])
    found = strata(
        over.ranks_for(metric),
        base.ranks_for(metric),
        np.where(over.runs[0].repeated, *KINDS[::-1]),
        metric,
        paired=comparisons.paired(over, base),
        random_v=over.random,
        random_b=base.random,
    )
    compared = [stratum.comparison for stratum in found]
    z = None if None in compared else differ(*compared)
    return [
        _what(over, base, metric) | _stratum(stratum) | {"p of z": z and z[1]} for stratum in found
    ]


def _what(over: Replicates, base: Replicates, metric: str) -> dict[str, Any]:
    return {
        "data set": over.dataset,
        "model": over.model,
        "comparison": named(over, base),
        "metric": metric,
    }


def _stratum(stratum: Stratum) -> dict[str, Any]:
    c = stratum.comparison
    return {
        "targets": stratum.name,
        "users": stratum.users,
        "share": stratum.share,
        "mean": c and c.mean_v,
        "mean of base": c and c.mean_b,
        "RI": c and c.RI,
        "low": c and c.low,
        "high": c and c.high,
        "users only": bool(c and c.users_only),
        "part of the gain": stratum.part,
    }


def show_by_target(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``by_target``."""
    if frame.empty:
        return report.sentence(
            "Nothing is compared here on a data set that has both kinds of target."
        )
    columns = [
        "data set",
        "model",
        "comparison",
        "metric",
        "targets",
        "users",
        "share",
        "mean",
        "mean of base",
    ]
    shown = frame[columns].assign(
        **{
            "RI [95 %]": _intervals(frame),
            "part of the gain": frame["part of the gain"],
            "p of z": frame["p of z"],
        }
    )
    shown = shown.rename(columns={"mean": "mean of A", "mean of base": "mean of B"})
    formats = {
        "users": count,
        "share": share,
        "mean of A": number(4),
        "mean of B": number(4),
        "part of the gain": _signed,
        "p of z": probability,
    }
    note = (
        "A over B in each comparison. Exploratory: intervals without adjustment, never a word. The parts of new and repeated"
        " targets sum to the difference of the two means over all users; p of z: whether their improvements differ, taken for"
        " more independent than they are, as both kinds share the trained models."
    )
    note += " * users only." if frame["users only"].any() else ""
    return report.table(shown, formats, name, note, frame)


def _intervals(frame: pd.DataFrame) -> list[str]:
    return [
        with_interval(percent, row["RI"], row["low"], row["high"], row["users only"])
        for row in frame.to_dict("records")
    ]


def _signed(x: Any) -> str:
    return report.DASH if x is None else f"{x:+.4f}"


def sensitivity(
    pairs: Sequence[tuple[Replicates, Replicates]],
    groups: Mapping[str, Sequence[int]],
    metric: str = PRIMARY,
    resamples: int = robustness.RESAMPLES,
) -> pd.DataFrame:
    """Other ways to an interval or a p of each pair (STATISTICS.md, sections 2 and 5), beside the crossed t.

    ``groups`` says by data set which users have one target item. A row a pair: RI with the interval of the crossed t; that
    of the crossed bootstrap; the p of Welch's test over run means; the share of pairs of single runs with p < .01; and the
    variance by users, clustered by target, over the usual one.
    """
    return pd.DataFrame([_checked(*matched(*pair), groups, metric, resamples) for pair in pairs])


def _checked(
    over: Replicates,
    base: Replicates,
    groups: Mapping[str, Sequence[int]],
    metric: str,
    resamples: int,
) -> dict[str, Any]:
    ranks, c = (
        (over.ranks_for(metric), base.ranks_for(metric)),
        comparisons.compare(over, base, metric),
    )
    how = {"paired": c.paired, "random_v": over.random, "random_b": base.random}
    name = robustness.key(over.dataset, over.variant, base.variant, metric, over.protocol, c)
    again = robustness.bootstrap(*ranks, metric, name=name, resamples=resamples, **how)
    runs = (
        robustness.run_means(*ranks, metric) if min(map(len, ranks)) > 1 and not c.paired else None
    )
    clusters = groups.get(over.dataset) if c.L is not None else None
    ratio = (
        None if clusters is None else robustness.clustered(*ranks, clusters, metric, **how).ratio
    )
    return _what(over, base, metric) | {
        "RI": c.RI,
        "low": c.low,
        "high": c.high,
        "users only": c.users_only,
        "p": c.p,
        "bootstrap low": again.low,
        "bootstrap high": again.high,
        "dropped": again.dropped,
        "p over runs": runs and runs.p,
        "single runs with p < .01": robustness.significant_pairs(*ranks, metric),
        "clustered / Vu": ratio,
        "runs": f"{c.runs_v}, {c.runs_b}",
    }


def show_sensitivity(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``sensitivity``."""
    shown = frame[["data set", "model", "comparison"]].assign(
        **{
            "RI [95 %], crossed t": _intervals(frame),
            "p": frame["p"],
            "95 %, bootstrap": [
                f"[{percent(a)}, {percent(b)}]"
                for a, b in zip(frame["bootstrap low"], frame["bootstrap high"], strict=True)
            ],
            **{
                column: frame[column]
                for column in ("p over runs", "single runs with p < .01", "clustered / Vu", "runs")
            },
        }
    )
    formats = {
        "p": probability,
        "p over runs": probability,
        "single runs with p < .01": share,
        "clustered / Vu": number(2),
    }
    note = (
        f"In {frame['metric'].iloc[0]}. The crossed t decides. The bootstrap resamples users and runs at once"
        f" ({frame['dropped'].sum():,} resamples with a mean of 0 were dropped); p over"
        " runs asks only of other runs; single runs: how often a paper with one run of each would have called the"
        " difference significant; clustered: the variance by users with those of one target item as a cluster."
    )
    return report.table(shown, formats, name, note, frame)


def changed_lines(
    lines: Mapping[str, tuple[Replicates, Replicates]],
    usual: tuple[Replicates, Replicates],
    metrics: Sequence[str] = (PRIMARY,),
) -> pd.DataFrame:
    """What single lines of the protocols' table change.

    Parameters
    ----------
    lines : mapping
        PCRec and its base with one line changed, by the name of the line; the base is the usual one where the line is of
        PCRec alone.
    usual : tuple of Replicates
        PCRec and its base as they are, of the same users.

    Returns
    -------
    DataFrame
        A row a line and metric: the change of the base, that of PCRec, and PCRec over its base before and after, each with
        its interval; and the change from before to after, without one.
    """
    return pd.DataFrame(
        [_changed(name, pair, usual, metric) for name, pair in lines.items() for metric in metrics]
    )


def _changed(
    name: str,
    pair: tuple[Replicates, Replicates],
    usual: tuple[Replicates, Replicates],
    metric: str,
) -> dict[str, Any]:
    steps = {
        "PCRec": (pair[0], usual[0]),
        "base": (pair[1], usual[1]),
        "over base": pair,
        "over base, usual": usual,
    }
    row: dict[str, Any] = {"line": name, "metric": metric}
    for step, (over, base) in steps.items():
        if over is base or _fingerprint(over) != _fingerprint(
            base
        ):  # a rule or protocol may have data of its own
            row |= {
                step: None,
                f"{step} low": None,
                f"{step} high": None,
                f"{step} users only": False,
            }
            continue
        over, base = matched(over, base)
        c = comparisons.compare(over, base, metric)
        row |= {
            step: c.RI,
            f"{step} low": c.low,
            f"{step} high": c.high,
            f"{step} users only": c.users_only,
        }
    after, before = row["over base"], row["over base, usual"]
    return row | {"change": None if None in (after, before) else (1 + after) / (1 + before) - 1}


def _fingerprint(arm: Replicates) -> str:
    return arm.runs[0].result["data"]["fingerprint"]


def show_changed_lines(frame: pd.DataFrame, name: str, note: str) -> Html:
    """The frame of ``changed_lines``."""
    heads = {
        "base": "base: the line over the usual one",
        "PCRec": "PCRec: the line over the usual one",
        "over base, usual": "PCRec over base, usual",
        "over base": "PCRec over base, with the line",
    }
    shown = frame[["line", "metric"]].assign(
        **{
            head: [
                with_interval(
                    percent, *(row[f"{step}{end}"] for end in ("", " low", " high", " users only"))
                )
                for row in frame.to_dict("records")
            ]
            for step, head in heads.items()
        },
        **{"its change": frame["change"]},
    )
    note += (
        " Its change: 1 + RI with the line over 1 + the usual RI, less 1; where the line is of PCRec alone, only PCRec's"
        " runs change."
    )
    return report.table(shown, {"its change": percent}, name, note, frame)


def seed_alone(over: Replicates, base: Replicates, metrics: Sequence[str] = (PRIMARY,)) -> str:
    """By how much two runs of an arm, and two improvements, differ that have another seed only: what a change measured with one
    run must exceed. Of an arm with one run nothing is known."""
    told = []
    for metric in metrics:
        means = [comparisons.mean_of(arm, metric) for arm in (over, base)]
        if any(not mean.run_sd for mean in means):
            return ""
        one, other = (math.sqrt(2) * mean.run_sd / mean.mean for mean in means)
        told.append(f"{metric} {size(one)}, {size(other)} and {size(math.hypot(one, other))}")
    runs = " and ".join(str(len(arm.runs)) for arm in (over, base))
    return (
        f"Standard deviation of a change by another seed alone, of {over.variant}, {base.variant} and {named(over, base)}"
        f" ({runs} runs): {'; '.join(told)}."
    )


def never_met(trios: Sequence[tuple[Replicates, Replicates, Replicates]]) -> pd.DataFrame:
    """Two peers that never exchange, one by one: how close validation was between them, on which the better one was chosen.

    Parameters
    ----------
    trios : sequence of tuple of Replicates
        Of a model: PCRec; the base, whose run of the same seed is peer 0; and the peers that never exchange.

    Returns
    -------
    DataFrame
        A row a run and peer: its best validation value, whether it is the reported one, and PCRec over it in MRR@5, of which
        nothing is known for a peer that is neither reported nor the base.
    """
    return pd.DataFrame(
        [row for trio in trios for run in trio[2].runs for row in _peers_of(run, *trio)]
    )


def _peers_of(
    run: Record, over: Replicates, base: Replicates, apart: Replicates
) -> list[dict[str, Any]]:
    reported = run.result["chosen"]["peer"]
    known = {0: base.of_seeds({run.spec.seed}), reported: Replicates(apart.variant, (run,))}
    rows = []
    for peer, valid in enumerate(run.result["epochs"]["own"][SELECTION]):
        beside = matched(over, known[peer]) if peer in known and known[peer].runs else None
        c = beside and comparisons.compare(*beside, PRIMARY)
        rows.append(
            {
                "data set": over.dataset,
                "model": over.model,
                "seed": run.spec.seed,
                "peer": peer,
                "best": max(valid),
                "reported": peer == reported,
                **{name: c and getattr(c, name) for name in ("RI", "low", "high")},
                "users only": c and c.users_only,
            }
        )
    return rows


def show_never_met(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``never_met``."""
    if frame.empty:
        return report.sentence("This is shown of apart-best, which is not here.")
    shown = frame[["data set", "model", "seed", "peer"]].assign(
        **{
            f"best {SELECTION} on validation": frame["best"],
            "reported": frame["reported"].map({True: "yes", False: "no"}),
            f"PCRec over it, {PRIMARY}": _intervals(frame),
        }
    )
    return report.table(
        shown,
        {f"best {SELECTION} on validation": number(5)},
        name,
        "Peer 0 is the base's own run of that seed. –: no ranks of that peer were kept.",
        frame,
    )


def said_never_met(frame: pd.DataFrame) -> dict[str, str]:
    """What ``show_never_met`` shows, for sentences, under keys such as ``ml-100k-dnn-apart-0`` (the best validation value of
    peer 0) and ``LE-over-ml-100k-dnn-apart-0``."""
    said = {}
    for row, improvement in zip(frame.to_dict("records"), _intervals(frame), strict=True):
        key = f"{row['data set']}-{row['model']}-apart-{row['peer']}"
        said |= {key: number(5)(row["best"]), f"LE-over-{key}": improvement}
    return said


def choosing(
    pairs: Mapping[str, tuple[Replicates, Replicates]],
    metrics: Sequence[str] = ("MRR@5", "HIT@5", "NDCG@20"),
) -> pd.DataFrame:
    """What choosing the best epoch on the test set adds to an improvement (STATISTICS.md, section 5), of runs that kept test
    metrics by epoch: a row a pair (variant, base), by name, and metric."""
    rows = []
    for name, (over, base) in pairs.items():
        for metric in metrics:
            found = habit(*(_chosen(arm, metric) for arm in (over, base)))
            rows.append(
                {
                    "what": name,
                    "metric": metric,
                    "gain": found.gain_v,
                    "gain of base": found.gain_b,
                    "p": found.difference and found.difference.p,
                    "RI, best on test": found.RI_best,
                    "RI, chosen on validation": found.RI_valid,
                    "runs": f"{len(over.runs)}, {len(base.runs)}",
                }
            )
    return pd.DataFrame(rows)


def _chosen(arm: Replicates, metric: str) -> Chosen:
    return chosen(
        [run.result["epochs"]["test"][metric] for run in arm.runs],
        [_picked(run) for run in arm.runs],
    )


def _picked(run: Record) -> tuple[int, int]:
    """Which of the epochs with a test, and which peer, validation picks: ties to the earlier epoch, then the lower peer."""
    epochs, column = run.result["epochs"], run.spec.evaluates
    valid = np.atleast_2d(
        epochs[column][SELECTION]
    )  # (peers, epochs), or of the merged model (epochs,)
    if column == "own":
        valid = valid[:, epochs["tests"]]
    epoch, peer = np.unravel_index(valid.T.argmax(), valid.T.shape)
    return int(epoch), int(peer)


def show_choosing(frame: pd.DataFrame, name: str) -> Html:
    """The frame of ``choosing``."""
    points = {column: _log_points for column in ("gain", "gain of base")}
    formats = points | {
        "p": probability,
        "RI, best on test": percent,
        "RI, chosen on validation": percent,
    }
    note = (
        "Gain: by how much the best epoch and peer on test exceed those that validation picks, mean over runs, in log"
        " points (hundredths of a logarithm); p: Welch's test over runs that variant and base gain equally. Neither"
        " improvement has an interval or a word: the chosen epoch is taken as given. A gain is never negative,"
        " and largely noise of users and epochs: the fewer users, the larger."
    )
    return report.table(frame, formats, name, note)


def said_choosing(frame: pd.DataFrame) -> dict[str, str]:
    """The improvements of ``show_choosing`` for sentences of other pages, under keys such as ``released-choosing-MRR@5-best`` (on
    test) and ``released-choosing-MRR@5-valid``."""
    ends = {"-best": "RI, best on test", "-valid": "RI, chosen on validation"}
    rows = {
        f"{row['what']}-choosing-{row['metric']}".replace(" ", "-"): row
        for row in frame.to_dict("records")
    }
    return {
        f"{key}{end}": percent(row[column])
        for key, row in rows.items()
        for end, column in ends.items()
    }


def _log_points(x: float) -> str:
    return f"{100 * x:.1f}"
