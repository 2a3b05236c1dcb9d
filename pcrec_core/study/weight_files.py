"""The files of the weights of trained runs on this machine, and which of them are missing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pcrec_core import paths
from pcrec_core.specs.derived import Derived
from pcrec_core.specs.run import RunSpec
from pcrec_core.study.variants import Spec


def path(spec: RunSpec, peer: int | None = None) -> Path:
    """Return the file of the weights of a run's reported model, which git ignores.

    Parameters
    ----------
    spec : RunSpec
    peer : int, optional
        One of peers that never exchange: the file of the weights of its best epoch.
    """
    return paths.weights() / f"{spec.name}{'' if peer is None else f'-peer{peer}'}.safetensors"


def missing(wanted: Iterable[Spec]) -> list[RunSpec]:
    """List the runs whose weights are missing for the derived specs among ``wanted``."""
    sources = (
        source for spec in wanted if isinstance(spec, Derived) for source in spec.source_models
    )
    return list(
        dict.fromkeys(parent for parent, peer in sources if not path(parent, peer).exists())
    )
