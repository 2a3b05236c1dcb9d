"""Tables of what more runs would show."""

from __future__ import annotations

import pandas as pd

from pcrec_core.analysis.claims import outcomes
from pcrec_core.analysis.power import POOLED, STUDIES
from pcrec_core.reporting.formats import count, number, percent, share, size
from pcrec_core.reporting.html import Html, table
from pcrec_core.reporting.names import arm_name

#: Shown where nothing can be projected.
_TOO_FEW = (
    "A projection needs two runs or more in both arms, and as many in one as in the other; the"
    " chance of a verdict also needs an improvement that the paper prints."
)


def show_chances(frame: pd.DataFrame, name: str) -> Html:
    """Show the chance of each verdict, the frame of ``expected_verdicts``."""
    formats = dict.fromkeys(
        [outcomes.SUPPORTED, outcomes.CONTRADICTED, "ruled_out", outcomes.INCONCLUSIVE], share
    )
    note = (
        f"{STUDIES:,} simulated studies with the variance of these users and the pooled variance of"
        " runs of the table above. For a single claim, without Holm's adjustment: in a family,"
        " supported, contradicted and ruled out are less frequent."
    )
    return table(frame, formats, name, note, empty=_TOO_FEW)


def show_projections(frame: pd.DataFrame, name: str) -> Html:
    """Show the expected precision by number of runs, the frame of ``projections``."""
    formats = {column: size for column in frame.columns if column.endswith("_runs")} | {
        "users": count,
        "c": number(2),
        "rv": number(1),
        "run_sd": size,
        "run_sd_df": count,
        "paper_relative_improvement": percent,
    }
    note = (
        "Run SD: standard deviation between runs beyond the noise of a user in a run (0 where runs"
        " differ by no more than that noise), relative to the mean, pooled over the arms of"
        " this model and data set with two runs or more"
        f" ({', '.join(map(arm_name, POOLED))}); from three runs alone its 95 % interval would"
        " reach from half to six times its value. Half width: of the 95 % interval of RI around no"
        " effect. MDE: minimum detectable effect (80 % power, unadjusted). Both are for unpaired"
        " arms with the variances of these runs. In the fold, c: correlation of a user's values in"
        " one run of either arm; rv: relative variance of a user's value; df: degrees of freedom of"
        " run SD."
    )
    shown = frame.drop(columns=["users", "c", "rv", "run_sd_df"], errors="ignore")
    return table(shown, formats, name, note, empty=_TOO_FEW, whole=frame)
