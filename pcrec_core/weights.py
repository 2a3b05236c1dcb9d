"""The weights that trained runs leave on this machine: for what is derived from them, never committed. No torch until needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pcrec_core.datasets.split import Split
from pcrec_core.derived import Derived
from pcrec_core.errors import RecordError
from pcrec_core.paths import WEIGHTS, write_whole
from pcrec_core.records import Store
from pcrec_core.spec import RunSpec


def path(spec: RunSpec, peer: int | None = None) -> Path:
    """Where the weights of the reported model lie after training (ignored by git), or, of peers that never exchange, those
    of the best epoch of one."""
    return WEIGHTS / f"{spec.name}{'' if peer is None else f'-peer{peer}'}.safetensors"


def keep(spec: RunSpec, reported: Mapping[str, Any], by_peer: Iterable[Mapping[str, Any]]) -> None:
    """Write the weights of the reported model, and those of each peer's best epoch where peers never exchange."""
    from safetensors.torch import save

    for peer, values in [(None, reported), *enumerate(by_peer)]:
        content = save({name: w.cpu().contiguous() for name, w in values.items()}, metadata={"run": spec.identity})
        write_whole(path(spec, peer), content)


def missing(wanted: Iterable[Any]) -> list[RunSpec]:
    """The runs whose weights are needed for what is derived among ``wanted``, and not on this machine."""
    needs = (need for spec in wanted if isinstance(spec, Derived) for need in spec.needs)
    return list(dict.fromkeys(parent for parent, peer in needs if not path(parent, peer).exists()))


def model(spec: RunSpec, peer: int | None, split: Split, device: Any) -> Any:
    """The reported model of a run, or that of a peer's best epoch.

    Raises
    ------
    RecordError
        If the weights on disk are not readable, or another model's.
    """
    from safetensors import safe_open

    from pcrec_core.models import build

    built, place = build(spec, split).to(device), path(spec, peer)
    try:
        with safe_open(place, "pt") as file:
            built.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - no mapping
            run = (file.metadata() or {}).get("run")
    except Exception as error:  # safetensors has errors of its own, torch a RuntimeError
        raise RecordError(f"the weights {place} cannot be read ({type(error).__name__}); delete them and the run is trained"
                          " again.") from error
    if run != spec.identity:
        raise RecordError(f"the weights {place} are those of another run, {run}; delete them and the run is trained again.")
    return built


def checked(run: RunSpec, split: Split, device: Any, stores: Sequence[Store]) -> str | None:
    """Hash of the result of a run's record, if one of ``stores`` has it, and the weights at hand give its ranks.

    Raises
    ------
    RecordError
        If they do not: trained elsewhere, they are not that run's to the bit, and what is made from them is no pair of it.
    """
    from pcrec_core.trainer import ranker_of

    record = next((record for store in stores if (record := store.get(run.name))), None)
    if record is None:
        return None
    if (ranker_of(run, split, device).ranks(model(run, None, split, device), "test") != record.ranks).any():
        raise RecordError(f"the weights of {run.name} on this machine do not give the ranks of its record, which another kind of"
                          " machine or torch, or a GPU, made; give a folder of records of your own to make both anew.")
    return record.result_hash
