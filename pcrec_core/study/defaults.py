"""The settings of ``controlled`` by model and data set (PROTOCOLS.md, section 4), each of which can be given instead."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pcrec_core.datasets import csv_data, source
from pcrec_core.errors import NotChosen, SpecError, known
from pcrec_core.specs.protocol import PROTOCOLS, VALUES, Rules
from pcrec_core.specs.run import CRITERIA, NUMERICS, Cooperation, Data, Model, RunSpec, Training

#: BPR's l2 and DNN's eta were chosen within the paper's grids on the base's validation on ML-100K, seed 0; DNN's eta on
#: Retailrocket's half too, there.
_MODELS: dict[str, dict[str, Any]] = {
    "sasrec": {"d": 64, "t": 50, "p": 0.2, "batch": 128, "eta": 1e-3, "l2": 0.0},
    "dnn": {"d": 64, "t": 50, "batch": 128, "eta": 7.5e-4, "l2": 1e-5},
    "bpr": {"d": 256, "batch": 2048, "eta": 1e-3, "l2": 1e-3},
}
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
#: Short histories of many items: more dropout.
_AMAZON: dict[str, dict[str, Any]] = {"sasrec": {"p": 0.5}}
#: What a data set changes.
_DATASETS: dict[str, dict[str, dict[str, Any]]] = {
    "ml-20m": _ML_20M,
    "beauty": _AMAZON,
    "video-games": _AMAZON,
    "retailrocket": _RETAILROCKET,
    "retailrocket-half": _RETAILROCKET,
    "retailrocket-first-half": _RETAILROCKET,
    "retailrocket-events": _RETAILROCKET,
}
#: Epochs, the same for base and PCRec; table2 shows the lengths that were tried.
_EPOCHS: dict[str, dict[str, int]] = {
    "ml-100k": {"sasrec": 120, "dnn": 200, "bpr": 800},
    "ml-1m": {"sasrec": 120, "dnn": 200, "bpr": 800},
    # Where the rule starts, and no more: no run of ml-20m has been tried, nor its length doubled.
    "ml-20m": {"sasrec": 120, "dnn": 200, "bpr": 200},
    # Where the rule starts on Retailrocket, whose histories are as short: no run of these two has been tried.
    "beauty": dict.fromkeys(NUMERICS, 50),
    "video-games": dict.fromkeys(NUMERICS, 50),
    "retailrocket-half": {"sasrec": 50, "dnn": 50, "bpr": 200},
    # As the other half, whose results it checks: nothing is chosen on it.
    "retailrocket-first-half": {"sasrec": 50, "dnn": 50, "bpr": 200},
    # As the half, on which the lengths were tried: no run of all sessions or of the events has been, nor its length doubled.
    "retailrocket": {"sasrec": 50, "dnn": 50, "bpr": 200},
    "retailrocket-events": {"sasrec": 50, "dnn": 50, "bpr": 200},
    "csv": dict.fromkeys(NUMERICS, 20),
    "synthetic": dict.fromkeys(NUMERICS, 20),
}
#: alpha of the paper's Table 3, ML-20M and Retailrocket.
ALPHA = {"sasrec": 30.0, "dnn": 40.0, "bpr": 20.0}
ALPHAS = (10.0, 20.0, 30.0, 40.0, 50.0)

#: The paper's grids (Section 4.3), that of eta with one step beyond each edge.
GRIDS = {
    "eta": (5e-5, 1e-4, 2.5e-4, 5e-4, 7.5e-4, 1e-3, 5e-3, 1e-2),
    "l2": (0.01, 0.001, 0.0005, 0.0001, 0.00005, 0.00001),
}
#: Where a setting is chosen for one label alone, and the command that makes the trials.
CHOSEN_ON, TRIALS = "retailrocket-half", "python -m pcrec_core study step5"
#: What the trials gave, by label and model: the best of ``GRIDS`` by validation NDCG@20 of seed 0.
#: Empty until the trials have run.
CHOSEN: dict[tuple[str, str], float] = {}

_MODEL_FIELDS, _TRAINING_FIELDS = (
    ("d", "t", "p"),
    ("epochs", "batch", "eta", "l2", "schedule", "precision", "average"),
)
#: What can be given beside the study's settings.
FIELDS = _MODEL_FIELDS + _TRAINING_FIELDS


def defaults(dataset: str, model: str) -> dict[str, Any]:
    """Settings of a model on a data set by their names in ``Model`` and ``Training``.

    Raises
    ------
    SpecError, DataError
        Of an unknown model, an unknown data set.
    """
    known("model", model, _MODELS)
    name = source(dataset).name
    return (
        _MODELS[model] | _DATASETS.get(name, {}).get(model, {}) | {"epochs": _EPOCHS[name][model]}
    )


def chosen(label: str, model: str, dataset: str) -> float:
    """Return the setting that was chosen for a label by trials.

    Raises
    ------
    NotChosen
        The trials have not been run, or their result is not entered in ``CHOSEN``.
    SpecError
        There are no trials on this data set.
    """
    if dataset != CHOSEN_ON:
        raise SpecError(
            f"{label} belongs to {CHOSEN_ON}, where its setting is chosen, not to {dataset}."
        )
    if (label, model) not in CHOSEN:
        raise NotChosen(
            f"the setting of {label} of {model} is not chosen yet; make the trials with"
            f" {TRIALS!r}, and enter the best one in study.defaults.CHOSEN."
        )
    return CHOSEN[label, model]


def dataset(name: str, csv: str = "", columns: Sequence[str] = ("user", "item", "time")) -> Data:
    """The data a notebook names; ``csv`` is the file behind the name "csv", ``columns`` its user, item and time."""
    if name != "csv":
        return Data(source(name).name)
    if not csv:
        raise SpecError("the data set csv needs the path of your file: give it as csv.")
    if len(columns) not in (2, 3):
        raise SpecError(
            f"columns names two or three columns, user, item and time, not {list(columns)}."
        )
    return csv_data(csv, *columns[:2], time=columns[2] if len(columns) == 3 else None)


def run_spec(
    data: str | Data,
    model: str,
    *,
    peers: int = 1,
    cooperation: Cooperation | None = None,
    protocol: str = "controlled",
    seed: int = 0,
    rates: str = "spread",
    orders: str = "own",
    starts: str = "own",
    rules: Mapping[str, str] | None = None,
    **given: Any,
) -> RunSpec:
    """The run of a model on a data set with the study's settings, but for those ``given`` (a None is not given).

    ``rules`` are single lines of the protocols' table that differ from the protocol's.

    Examples
    --------
    >>> run_spec("ml-100k", "sasrec", epochs=2).training
    Training(epochs=2, batch=128, eta=0.001, l2=0.0, schedule='cosine', precision='float32', average=None)
    """
    data = data if isinstance(data, Data) else Data(data)
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        known("setting", name, FIELDS)
    values = defaults(data.source, model) | _released(model, protocol, cooperation) | given
    return RunSpec(
        data=data,
        model=Model(model, **{k: values[k] for k in _MODEL_FIELDS if k in values}),
        training=Training(**{k: values[k] for k in _TRAINING_FIELDS if k in values}),
        peers=peers,
        cooperation=cooperation,
        protocol=protocol,
        seed=seed,
        rates=rates,
        orders=orders,
        starts=starts,
        rules=_rules(protocol, rules),
    )


def changed(spec: RunSpec) -> dict[str, Any]:
    """What a run has in place of the study's settings, by name; its numerics too, where today's are others.

    Examples
    --------
    >>> changed(base("ml-100k", "sasrec", schedule="constant"))
    {'schedule': 'constant'}
    """
    usual = run_spec(
        spec.data, spec.model.name, **_released(spec.model.name, spec.protocol, spec.cooperation)
    )
    here, there = (
        vars(run.model) | vars(run.training) | {"numerics": run.numerics} for run in (spec, usual)
    )
    return {name: value for name, value in here.items() if value != there[name]}


def _released(model: str, protocol: str, cooperation: Cooperation | None) -> dict[str, Any]:
    """What the released code's commands give beside the rules: epochs, and a schedule for PCRec alone."""
    if protocol == "controlled":
        return {}
    layerwise = cooperation is not None and cooperation.rule == "layerwise"
    plain = cooperation is None or cooperation.rule == "noise"
    return {
        "epochs": 300 if model == "bpr" and layerwise else 200,
        "schedule": "constant" if plain else "cosine",
    }


def _rules(protocol: str, changed: Mapping[str, str] | None) -> Rules | None:
    if not changed:
        return None
    known("protocol", protocol, PROTOCOLS)
    for name in changed:
        known("rule", name, VALUES)
    return dataclasses.replace(PROTOCOLS[protocol], **changed)


def layerwise(
    model: str, criterion: str = "entropy", alpha: float | None = None, every: int = 1
) -> Cooperation:
    """Layer-wise cooperation, alpha by model if not given; alpha = 0 is averaging."""
    known("criterion", criterion, CRITERIA)
    known("model", model, ALPHA)
    alpha = ALPHA[model] if alpha is None else alpha
    return (
        Cooperation("averaging", every=every)
        if alpha == 0
        else Cooperation("layerwise", criterion, alpha, every)
    )


def base(data: str | Data, model: str, **given: Any) -> RunSpec:
    """The base model: one peer at the full rate."""
    return run_spec(data, model, **given)


def pcrec(
    data: str | Data,
    model: str,
    alpha: float | None = None,
    criterion: str = "entropy",
    **given: Any,
) -> RunSpec:
    """PCRec as the paper reports it: two peers, layer-wise, by entropy."""
    return run_spec(data, model, peers=2, cooperation=layerwise(model, criterion, alpha), **given)
