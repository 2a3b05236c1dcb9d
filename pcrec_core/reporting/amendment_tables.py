"""Tables on the ladder, and on what the amendment changed (:ref:`statistics-amendment-1`)."""

from __future__ import annotations

import pandas as pd

from pcrec_core.analysis.claims.ladder import METRICS
from pcrec_core.analysis.claims.looks import COLUMNS
from pcrec_core.analysis.claims.outcomes import VERDICTS
from pcrec_core.analysis.claims.table import AMENDED
from pcrec_core.metrics import PRIMARY
from pcrec_core.reporting.formats import percent, runs_of_both, with_interval
from pcrec_core.reporting.html import Html, csv_link, table
from pcrec_core.reporting.names import claim_family, dataset_name
from pcrec_core.reporting.robustness_tables import improvements
from pcrec_core.reporting.wording import symbols


def show_ladder(frame: pd.DataFrame, name: str) -> Html:
    """Show PCRec's improvement rung by rung, the frame of ``ladder.climbed``."""
    main, hits = (frame[frame["metric"] == metric] for metric in METRICS)
    shown = main[["model", "rung", "what", "seeds"]].assign(
        improvement=improvements(main),
        paper_relative_improvement=main["paper_relative_improvement"],
        improvement_in_hit_5=improvements(hits),
    )
    note = (
        f"PCRec over its base on {dataset_name(frame['dataset'].iloc[0])}: RI in {PRIMARY} and in"
        " HIT@5 with crossed t on the log ratio, 95 %, without a verdict. Rung 6 has the runs of"
        " Table 3. Not tested: fewer than three seeds."
    )
    return table(shown, {"paper_relative_improvement": percent}, name, note, frame)


def show_looks(looks: pd.DataFrame, name: str) -> Html:
    """Show the claims whose verdicts then and now differ, the frame of ``since_three_runs``.

    The CSV has every claim.
    """
    moved = looks[looks[list(COLUMNS)].nunique(axis=1) > 1]
    rows = moved.to_dict("records")
    shown = moved[["claim", "dataset"]].assign(
        claim=moved["claim"].map(symbols),
        improvement_before=_improvements(moved, "_then"),
        runs_then=[runs_of_both(row, "_then") for row in rows],
        verdict_then=moved["verdict_then"],
        improvement_now=_improvements(moved, ""),
        runs_now=[runs_of_both(row) for row in rows],
        original_verdict=moved["original_verdict"],
        verdict_now=moved["verdict"],
    )
    amended = looks["rule"] == AMENDED
    rules = (
        f"For {(looks['original_verdict'] != looks['verdict']).sum()} the two rules differ on the"
        " present runs; the other changes come from the runs."
        if amended.any()
        else "No comparison has ten runs yet, so the last two columns agree by construction."
    )
    note = (
        f"{len(moved)} of the {len(looks)} claims of the look at three runs; each of the others has"
        f" one verdict in all three columns (the CSV has every claim). {rules} RI with 95 %"
        " intervals."
    )
    if moved.empty:
        text = f"All {len(looks)} claims have the same verdict then and now, by either rule."
        return Html(f"<p>{text}</p>{csv_link(looks, name)}", text)
    return table(shown, {}, name, note, looks)


def _improvements(frame: pd.DataFrame, end: str) -> list[str]:
    columns = [f"{one}{end}" for one in ("relative_improvement", "low", "high")]
    return [with_interval(percent, *row) for row in frame[columns].to_numpy()]


def show_families(counts: pd.DataFrame, name: str) -> Html:
    """Show how many claims of each family have which verdict, the frame of ``looks.by_family``."""
    rows = [
        {"family": claim_family(str(family))}
        | {column: _counted(group, column) for column in COLUMNS}
        for family, group in counts.groupby("family", sort=False)
    ]
    shown = pd.DataFrame(rows).rename(columns={"verdict": "verdict_now"})
    return table(shown, {}, name, "Number of claims by verdict.", counts)


def _counted(group: pd.DataFrame, column: str) -> str:
    given = group.set_index("outcome")[column]
    return ", ".join(f"{given[one]} {one}" for one in VERDICTS if given.get(one, 0))
