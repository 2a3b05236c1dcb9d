"""The headings of columns on pages: frames and CSV files keep the names, readers see these."""

from __future__ import annotations

from pcrec_core.analysis.claims.measurement import SUPPORTING
from pcrec_core.metrics import PRIMARY, SELECTION
from pcrec_core.reporting.names import dataset_name

#: Headings that are not just the column's name with spaces.
HEADINGS = {
    "actions_per_user_median": "median actions",
    "agreement": "the one with more H is better",
    "base_changed": "base: the line over the usual one",
    "batch_here": "b here",
    "batch_paper": "b paper",
    "best_on_validation": f"best {SELECTION} on validation",
    "bootstrap_interval": "95 %, bootstrap",
    "clustered_variance_ratio": "clustered / Vu",
    "dataset": "data set",
    "delta_relative_improvement": "ΔRI",
    "effect_ratio": "ER [95 %]",
    "epoch_near_base": "epoch at 99 % of the base's",
    "epoch_near_own": "epoch at 99 % of it",
    "epochs_trained": "epochs trained by then",
    "epochs_before_cut": "epochs before the cut",
    "exchange": "of which exchange",
    "first_differing_epoch": "first epoch that differs",
    "first_has_more_h": "peer 0 has more H",
    "first_is_better": "peer 0 is better",
    "gain_base": "gain of base",
    "gain_variant": "gain",
    "h": "H",
    "holm_p": "Holm p",
    "improvement": "RI [95 %]",
    "improvement_before": "RI before",
    "improvement_crossed_t": "RI [95 %], crossed t",
    "improvement_other_half": "RI [95 %], the other half",
    "improvement_now": "RI now",
    "improvement_over_it": f"PCRec over it, {PRIMARY}",
    "l1_share": "L1 share",
    "l1_share_times_1000": "L1 share, times 1000",
    "l1_share_with_another": "L1 share, with another",
    "l2": "L2",
    "l2_here": "L2 here",
    "l2_paper": "L2 paper",
    "least_on_validation": f"least {SELECTION} on validation",
    "least_h": "least H",
    "lost_noised": "lost, noised",
    "lost_pruned": "lost, pruned",
    "mde": "MDE",
    "mean_base": "mean of B",
    "mean_change_of_h": "mean change of H",
    "mean_h": "mean H",
    "mean_magnitude": "mean |w|",
    "mean_variant": "mean of A",
    "megabytes": "peak MB per process",
    "memory": "MB",
    "milliseconds": "ms",
    "mrr5_before": "MRR@5 before",
    "mrr5_now": "MRR@5 now",
    "of_paper": "the paper",
    "original_verdict": "verdict by the old rule now",
    "over_base_changed": "PCRec over base, with the line",
    "over_base_usual_changed": "PCRec over base, usual",
    "paper_relative_improvement": "RI of the paper",
    "part_of_gain": "part of the gain",
    "pcrec_changed": "PCRec: the line over the usual one",
    "quantile_95": "95 % are below",
    "relative_improvement_test": "RI, best on test",
    "relative_improvement_validation": "RI, chosen on validation",
    "repeat_share_test": "repeats, test",
    "repeat_share_valid": "repeats, validation",
    "run_sd": "run SD",
    "run_sd_df": "df of run SD",
    "sd": "SD",
    "runs_base": "runs of B",
    "runs_variant": "runs of A",
    "seed_share": "Vseed/V",
    "share_of_time_in_torch": "share of the time inside torch",
    "significant_single_runs": "single runs with p < .01",
    "strong_share": "0.7 or more",
    "strong_share_to_chosen": "0.7 or more, to the chosen epoch",
    "supporting_verdict": SUPPORTING,
    "tie_share": "ties",
    "training": "of which training",
    "truth": "true is",
    "validation_ndcg20": "validation NDCG@20",
    "verdict_then": "verdict at three runs",
    "with_negative": "with its negative",
    "with_opposite": "with its opposite",
}


def heading(column: str) -> str:
    """Return the heading of a column: its own, that of a data set, or its name with spaces.

    Examples
    --------
    >>> heading("delta_relative_improvement"), heading("users_only"), heading("MRR@5")
    ('ΔRI', 'users only', 'MRR@5')
    """
    return HEADINGS.get(column, dataset_name(column).replace("_", " "))
