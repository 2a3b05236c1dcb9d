"""The weights of trained runs, which derived results are computed from; never committed.

torch is imported when it is needed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pcrec_core import free_memory
from pcrec_core.datasets.split import Split
from pcrec_core.errors import RecordError
from pcrec_core.specs.fields import canonical_json
from pcrec_core.specs.run import RunSpec
from pcrec_core.study.records import Store
from pcrec_core.study.weight_files import path
from pcrec_core.writing import write_whole

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

#: The only key of a file's metadata, whose value is JSON: the order in which safetensors writes
#: several keys is not fixed.
_KEY = "pcrec_core"


def keep(
    spec: RunSpec, reported: Mapping[str, Tensor], by_peer: Iterable[Mapping[str, Tensor]]
) -> None:
    """Write the weights of a run, each model as one plain safetensors file.

    The metadata name the run and hold a SHA-256 over every tensor.

    Parameters
    ----------
    spec : RunSpec
    reported : mapping
        The weights of the reported model.
    by_peer : iterable of mappings
        The weights of each peer's best epoch, for peers that never exchange.
    """
    from safetensors.torch import save

    for peer, values in [(None, reported), *enumerate(by_peer)]:
        tensors = {name: w.cpu().contiguous() for name, w in values.items()}
        metadata = canonical_json({"run": spec.identity, "sha256": _digest(tensors)})
        write_whole(path(spec, peer), save(tensors, metadata={_KEY: metadata}))


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """Hash the name, type, shape and bytes of every tensor, in the order of the names."""
    from torch import uint8

    whole = hashlib.sha256()
    for name in sorted(tensors):
        w = tensors[name]
        whole.update(canonical_json([name, str(w.dtype), list(w.shape)]).encode())
        whole.update(w.reshape(-1).view(uint8).numpy().data)
    return whole.hexdigest()


def model(spec: RunSpec, peer: int | None, split: Split, device: torch.device) -> nn.Module:
    """Load the reported model of a run, or that of a peer's best epoch.

    Raises
    ------
    RecordError
        If the weights on disk cannot be read, are damaged, have no SHA-256, or belong to another
        run.
    """
    from pcrec_core.training.build import build

    built, file = build(spec, split).to(device), path(spec, peer)
    try:
        tensors, metadata = _read(file)
        run, undamaged = metadata.get("run"), metadata.get("sha256") == _digest(tensors)
        built.load_state_dict(tensors)
    # safetensors has errors of its own, torch a RuntimeError
    except Exception as error:
        if free_memory.ran_out(error):
            raise
        raise RecordError(
            f"the weights {file} cannot be read ({type(error).__name__}); delete them and the run"
            " is trained again."
        ) from error
    if not undamaged:
        raise RecordError(
            f"the weights {file} are damaged, or were written by an earlier version of the code:"
            " their SHA-256 does not match; delete them and the run is trained again."
        )
    if run != spec.identity:
        raise RecordError(
            f"the weights {file} belong to another run, {run}; delete them and the run is trained"
            " again."
        )
    return built


def _read(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors and the metadata, which are empty if an earlier version wrote the file."""
    from safetensors import safe_open

    if not file.is_file():
        # a pipe would be waited for
        raise OSError("it is not an ordinary file")
    with safe_open(file, "pt") as opened:
        names = list(opened.keys())
        tensors = {name: opened.get_tensor(name) for name in names}
        return tensors, json.loads((opened.metadata() or {}).get(_KEY, "{}"))


def checked(
    run: RunSpec, split: Split, device: torch.device, stores: Sequence[Store]
) -> str | None:
    """Check a run's weights against its record, and return the hash of the record's result.

    Returns
    -------
    str or None
        None if none of ``stores`` has the record.

    Raises
    ------
    RecordError
        If the weights do not give the record's ranks: they were trained elsewhere and differ in
        some bits, so that results derived from them cannot be paired with the run.
    """
    from pcrec_core.evaluation import ranker_of

    record = next((record for store in stores if (record := store.of_spec(run))), None)
    if record is None:
        return None
    ranker = ranker_of(run, split, device)
    ranks = ranker.ranks(model(run, None, split, device), "test")
    if (ranks != record.outcome.chosen_ranks).any():
        raise RecordError(
            f"the weights of {run.name} on this machine do not give the ranks of its record, which"
            " another kind of machine or torch, or a GPU, made; give a folder of records of your"
            " own to make both again."
        )
    return record.result_hash
