"""The tables behind ``defaults``: settings by model and data set (:ref:`protocols-settings`)."""

from __future__ import annotations

from typing import Any

from pcrec_core.specs.run import NUMERICS

#: BPR's l2 and DNN's eta were chosen from the paper's grids by the base's validation on ML-100K,
#: seed 0.
MODELS: dict[str, dict[str, Any]] = {
    "sasrec": {"d": 64, "t": 50, "p": 0.2, "batch": 128, "eta": 1e-3, "l2": 0.0},
    "dnn": {"d": 64, "t": 50, "batch": 128, "eta": 7.5e-4, "l2": 1e-5},
    "bpr": {"d": 256, "batch": 2048, "eta": 1e-3, "l2": 1e-3},
}
#: DNN's eta was chosen in the same way on Retailrocket's half.
_RETAILROCKET: dict[str, dict[str, Any]] = {
    "sasrec": {"t": 10, "p": 0.3},
    "dnn": {"t": 10, "eta": 5e-3},
    "bpr": {},
}
#: The paper's Table 2, and the t of its Table 1.
_ML_20M: dict[str, dict[str, Any]] = {
    "sasrec": {"d": 256, "t": 100, "p": 0.0},
    "dnn": {"d": 256, "t": 100, "eta": 1e-4, "l2": 1e-6},
    "bpr": {"l2": 0.0},
}
#: Histories are short and items many, so dropout is higher.
_AMAZON: dict[str, dict[str, Any]] = {"sasrec": {"p": 0.5}}
#: Settings that a data set changes, by data set and model.
DATASETS: dict[str, dict[str, dict[str, Any]]] = {
    "ml-20m": _ML_20M,
    "beauty": _AMAZON,
    "video-games": _AMAZON,
    "retailrocket": _RETAILROCKET,
    "retailrocket-half": _RETAILROCKET,
    "retailrocket-first-half": _RETAILROCKET,
    "retailrocket-events": _RETAILROCKET,
}
#: Epochs, the same for base and PCRec; table2 shows the lengths that were tried.
EPOCHS: dict[str, dict[str, int]] = {
    "ml-100k": {"sasrec": 120, "dnn": 200, "bpr": 800},
    "ml-1m": {"sasrec": 120, "dnn": 200, "bpr": 800},
    # The lengths that the rule starts with: no run of ml-20m was tried, nor its length doubled.
    "ml-20m": {"sasrec": 120, "dnn": 200, "bpr": 200},
    # The rule's first lengths on Retailrocket, whose histories are as short: no run was tried.
    "beauty": dict.fromkeys(NUMERICS, 50),
    "video-games": dict.fromkeys(NUMERICS, 50),
    "retailrocket-half": {"sasrec": 50, "dnn": 50, "bpr": 200},
    # As on the other half, whose results it checks: nothing is chosen on it.
    "retailrocket-first-half": {"sasrec": 50, "dnn": 50, "bpr": 200},
    # As on the half, where the lengths were tried: no run of all sessions or of the events was
    # tried, nor its length doubled.
    "retailrocket": {"sasrec": 50, "dnn": 50, "bpr": 200},
    "retailrocket-events": {"sasrec": 50, "dnn": 50, "bpr": 200},
    "csv": dict.fromkeys(NUMERICS, 20),
    "synthetic": dict.fromkeys(NUMERICS, 20),
}
