"""Settings that trials choose for single labels, from the paper's grids."""

from __future__ import annotations

from pcrec_core.errors import NotChosen, SpecError

#: The paper's grids (Section 4.3), that of eta with one step beyond each edge.
GRIDS = {
    "eta": (5e-5, 1e-4, 2.5e-4, 5e-4, 7.5e-4, 1e-3, 5e-3, 1e-2),
    "l2": (0.01, 0.001, 0.0005, 0.0001, 0.00005, 0.00001),
}
#: The data set on which settings are chosen for single labels, and the command of the trials.
CHOSEN_ON, TRIALS = "retailrocket-half", "pcrec study step5"
#: The results of the trials by label and model: the best of ``GRIDS`` by validation NDCG@20 of
#: seed 0. Empty until the trials have run.
CHOSEN: dict[tuple[str, str], float] = {}


def chosen_setting(label: str, model: str, dataset: str) -> float:
    """Return the setting that was chosen for a label by trials.

    Raises
    ------
    NotChosen
        If the trials have not been run, or their result is not entered in ``CHOSEN``.
    SpecError
        If there are no trials on this data set.
    """
    if dataset != CHOSEN_ON:
        raise SpecError(
            f"{label} belongs to {CHOSEN_ON}, where its setting is chosen, not to {dataset}."
        )
    if (label, model) not in CHOSEN:
        raise NotChosen(
            f"the setting of {label} of {model} is not chosen yet; make the trials with"
            f" {TRIALS!r}, and enter the best one in study.chosen.CHOSEN."
        )
    return CHOSEN[label, model]
