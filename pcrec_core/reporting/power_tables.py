"""Tables of what more runs would show."""

from __future__ import annotations

import pandas as pd

from pcrec_core.analysis.claims import outcomes
from pcrec_core.analysis.power import POOLED, STUDIES
from pcrec_core.reporting.formats import count, number, percent, share, size
from pcrec_core.reporting.html import Html, table

#: Shown where nothing can be projected.
_TOO_FEW = (
    "A projection needs the same number of runs in both arms, two or more; the chances of verdicts"
    " need an improvement that the paper prints."
)


def show_chances(frame: pd.DataFrame, name: str) -> Html:
    """Show the chances of each verdict, the frame of ``expected_verdicts``."""
    formats = dict.fromkeys(
        [outcomes.SUPPORTED, outcomes.CONTRADICTED, "ruled_out", outcomes.INCONCLUSIVE], share
    )
    note = (
        f"{STUDIES:,} simulated studies with the variance of these users and the pooled variance of"
        " runs of the table above; a single claim, so without Holm: in a family the"
        " verdicts supported, contradicted and ruled out fall less often."
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
        "c: correlation of a user's values in one run of either arm; rv: relative variance of a"
        " user's value. Run SD: of a run's relative mean over other seeds, with its degrees of"
        " freedom. Its square is the mean of the variances over runs of every arm of this model and"
        f" data set that has two runs or more ({', '.join(POOLED)}), weighted by each arm's runs"
        " less 1, less what single users contribute by chance; three runs of one arm alone estimate"
        " it only to within half and six times. Half width: of the 95 % interval of RI around no"
        " effect; found: the improvement found with 80 % power; both for unpaired arms, if the"
        " variances are as estimated from these runs."
    )
    return table(frame, formats, name, note, empty=_TOO_FEW)
