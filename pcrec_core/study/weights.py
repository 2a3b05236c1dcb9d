"""The weights that trained runs leave on this machine: for what is derived from them, never committed. No torch until needed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pcrec_core.datasets.split import Split
from pcrec_core.errors import RecordError
from pcrec_core.paths import write_whole
from pcrec_core.specs.fields import canonical_json
from pcrec_core.specs.run import RunSpec
from pcrec_core.study.records import Store
from pcrec_core.study.weight_files import path

#: The one key of a file's metadata, whose value is JSON: of several keys, safetensors writes any one first.
_SAID = "pcrec_core"


def keep(spec: RunSpec, reported: Mapping[str, Any], by_peer: Iterable[Mapping[str, Any]]) -> None:
    """Write the weights of the reported model, and those of each peer's best epoch where peers never exchange.

    Each is a plain safetensors file, whose metadata say the run and a SHA-256 over every tensor.
    """
    from safetensors.torch import save

    for peer, values in [(None, reported), *enumerate(by_peer)]:
        tensors = {name: w.cpu().contiguous() for name, w in values.items()}
        said = canonical_json({"run": spec.identity, "sha256": _digest(tensors)})
        write_whole(path(spec, peer), save(tensors, metadata={_SAID: said}))


def _digest(tensors: Mapping[str, Any]) -> str:
    """Hash the name, type, shape and bytes of every tensor, in the order of the names."""
    from torch import uint8

    whole = hashlib.sha256()
    for name in sorted(tensors):
        w = tensors[name]
        whole.update(canonical_json([name, str(w.dtype), list(w.shape)]).encode())
        whole.update(w.reshape(-1).view(uint8).numpy())
    return whole.hexdigest()


def model(spec: RunSpec, peer: int | None, split: Split, device: Any) -> Any:
    """Load the reported model of a run, or that of a peer's best epoch.

    Raises
    ------
    RecordError
        If the weights on disk are not readable, are damaged or without a SHA-256, or are another model's.
    """
    from pcrec_core.training.build import build

    built, place = build(spec, split).to(device), path(spec, peer)
    try:
        tensors, said = _read(place)
        run, whole = said.get("run"), said.get("sha256") == _digest(tensors)
        built.load_state_dict(tensors)
    except Exception as error:  # safetensors has errors of its own, torch a RuntimeError
        raise RecordError(
            f"the weights {place} cannot be read ({type(error).__name__}); delete them and the run is trained"
            " again."
        ) from error
    if not whole:
        raise RecordError(
            f"the weights {place} are damaged, or were written by an earlier version of the code: their SHA-256"
            " does not match; delete them and the run is trained again."
        )
    if run != spec.identity:
        raise RecordError(
            f"the weights {place} are those of another run, {run}; delete them and the run is trained again."
        )
    return built


def _read(place: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the tensors of a file, and what it says of itself: nothing, where an earlier version wrote it."""
    from safetensors import safe_open

    with safe_open(place, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        return tensors, json.loads((file.metadata() or {}).get(_SAID, "{}"))


def checked(run: RunSpec, split: Split, device: Any, stores: Sequence[Store]) -> str | None:
    """Hash of the result of a run's record, if one of ``stores`` has it, and the weights at hand give its ranks.

    Raises
    ------
    RecordError
        If they do not: trained elsewhere, they are not that run's to the bit, and what is made from them is no pair of it.
    """
    from pcrec_core.evaluation import ranker_of

    record = next((record for store in stores if (record := store.get(run.name))), None)
    if record is None:
        return None
    if (
        ranker_of(run, split, device).ranks(model(run, None, split, device), "test") != record.ranks
    ).any():
        raise RecordError(
            f"the weights of {run.name} on this machine do not give the ranks of its record, which another kind of"
            " machine or torch, or a GPU, made; give a folder of records of your own to make both anew."
        )
    return record.result_hash
