"""Specs with the settings of ``controlled`` by model and data set (:ref:`protocols-settings`).

Each setting can be given instead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pcrec_core.datasets import csv_data, source
from pcrec_core.datasets.reading.options import Options
from pcrec_core.errors import SpecError, require_known
from pcrec_core.specs.consistency import PEER_FIELDS
from pcrec_core.specs.protocol import PROTOCOLS, VALUES, ProtocolOptions
from pcrec_core.specs.run import CRITERIA, Cooperation, Data, Model, RunSpec, Training
from pcrec_core.study.settings import DATASETS, EPOCHS, MODELS

#: alpha of the paper's Table 3, ML-20M and Retailrocket.
ALPHA = {"sasrec": 30.0, "dnn": 40.0, "bpr": 20.0}
ALPHAS = (10.0, 20.0, 30.0, 40.0, 50.0)

_MODEL_FIELDS = ("d", "t", "p")
_TRAINING_FIELDS = tuple(field.name for field in dataclasses.fields(Training))
#: Settings that can be given instead of the study's.
FIELDS = _MODEL_FIELDS + _TRAINING_FIELDS


def defaults(dataset: str, model: str) -> dict[str, Any]:
    """Return the settings of a model on a data set by their names in ``Model`` and ``Training``.

    Raises
    ------
    SpecError, DataError
        For an unknown model, an unknown data set.
    """
    require_known("model", model, MODELS)
    name = source(dataset).name
    changes = DATASETS.get(name, {}).get(model, {})
    return MODELS[model] | changes | {"epochs": EPOCHS[name][model]}


def dataset(
    name: str, csv: str = "", columns: Sequence[str] = (), core: int = 5, **reading: Any
) -> Data:
    """Return the data that a notebook names.

    Parameters
    ----------
    name : str
    csv : str
        The file, for the name ``csv``.
    columns : sequence of str
        Its columns: user and item, or user, item and time; recognised by name if empty.
    core : int
        Users and items with fewer actions are removed.
    **reading
        Other fields of ``reading.options.Options``.

    Raises
    ------
    SpecError, DataError
        For an unknown name, a csv without a file, or a wrong number of columns.
    """
    if name != "csv":
        return Data(source(name).name, core=core)
    if not csv:
        raise SpecError("the data set csv needs the path of your file: give it as csv.")
    return csv_data(csv, columns or None, core=core, options=Options(**reading))


def run_spec(
    data: str | Data,
    model: str,
    *,
    peers: int = 1,
    cooperation: Cooperation | None = None,
    protocol: str = "controlled",
    seed: int = 0,
    options: Mapping[str, str] | None = None,
    **given: Any,
) -> RunSpec:
    """Return the run of a model on a data set with the study's settings.

    Parameters
    ----------
    data, model, peers, cooperation, protocol, seed
        Those of ``RunSpec``.
    options : mapping, optional
        Protocol options that differ from the protocol's.
    **given
        ``rates``, ``orders`` and ``starts`` of ``RunSpec``, and settings of ``FIELDS`` that replace
        the study's. A setting that is None is not given.

    Raises
    ------
    SpecError, DataError
        For unknown names and values out of range.

    Examples
    --------
    >>> run_spec("ml-100k", "sasrec", epochs=2).training  # doctest: +NORMALIZE_WHITESPACE
    Training(epochs=2, batch=128, eta=0.001, l2=0.0, schedule='cosine', precision='float32',
             average=None, evaluate_every=1)
    """
    data = data if isinstance(data, Data) else Data(data)
    peer_fields = {name: given.pop(name) for name in PEER_FIELDS if name in given}
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        require_known("setting", name, FIELDS)
    values = defaults(data.source, model) | _released(model, protocol, cooperation) | given
    return RunSpec(
        data,
        Model(model, **{k: values[k] for k in _MODEL_FIELDS if k in values}),
        Training(**{k: values[k] for k in _TRAINING_FIELDS if k in values}),
        *(peers, cooperation, protocol, seed),
        custom_options=_custom_options(protocol, options),
        **peer_fields,
    )


def changed(spec: RunSpec) -> dict[str, Any]:
    """Return the settings of a run that differ from the study's, by name.

    The numerics are among them if they are not the current ones.

    Examples
    --------
    >>> changed(base("ml-100k", "sasrec", schedule="constant"))
    {'schedule': 'constant'}
    """
    usual = run_spec(
        spec.data, spec.model.name, **_released(spec.model.name, spec.protocol, spec.cooperation)
    )
    found, expected = (
        vars(run.model) | vars(run.training) | {"numerics": run.numerics} for run in (spec, usual)
    )
    return {name: value for name, value in found.items() if value != expected[name]}


def _released(model: str, protocol: str, cooperation: Cooperation | None) -> dict[str, Any]:
    """Return the epochs and the schedule of the released code's commands."""
    if protocol == "controlled":
        return {}
    layerwise = cooperation is not None and cooperation.rule == "layerwise"
    plain = cooperation is None or cooperation.rule == "noise"
    return {
        "epochs": 300 if model == "bpr" and layerwise else 200,
        "schedule": "constant" if plain else "cosine",
    }


def _custom_options(protocol: str, changes: Mapping[str, str] | None) -> ProtocolOptions | None:
    if not changes:
        return None
    require_known("protocol", protocol, PROTOCOLS)
    for name in changes:
        require_known("protocol option", name, VALUES)
    return dataclasses.replace(PROTOCOLS[protocol], **changes)


def layerwise(
    model: str, criterion: str = "entropy", alpha: float | None = None, every: int = 1
) -> Cooperation:
    """Return layer-wise cooperation, with the model's alpha if none is given.

    alpha = 0 is averaging.
    """
    require_known("criterion", criterion, CRITERIA)
    require_known("model", model, ALPHA)
    alpha = ALPHA[model] if alpha is None else alpha
    if alpha == 0:
        return Cooperation("averaging", every=every)
    return Cooperation("layerwise", criterion, alpha, every)


def base(data: str | Data, model: str, **given: Any) -> RunSpec:
    """Return the base model: one peer at the full rate."""
    return run_spec(data, model, **given)


def pcrec(
    data: str | Data,
    model: str,
    alpha: float | None = None,
    criterion: str = "entropy",
    **given: Any,
) -> RunSpec:
    """Return PCRec as the paper reports it: two peers, layer-wise, by entropy."""
    return run_spec(data, model, peers=2, cooperation=layerwise(model, criterion, alpha), **given)
