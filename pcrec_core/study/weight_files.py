"""Where the weights of trained runs lie on this machine, and which of them are missing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pcrec_core import paths
from pcrec_core.specs.derived import Derived
from pcrec_core.specs.run import RunSpec


def path(spec: RunSpec, peer: int | None = None) -> Path:
    """Where the weights of the reported model lie after training (ignored by git), or, of peers that never exchange, those
    of the best epoch of one."""
    return paths.weights() / f"{spec.name}{'' if peer is None else f'-peer{peer}'}.safetensors"


def missing(wanted: Iterable[Any]) -> list[RunSpec]:
    """The runs whose weights are needed for what is derived among ``wanted``, and not on this machine."""
    needs = (need for spec in wanted if isinstance(spec, Derived) for need in spec.needs)
    return list(dict.fromkeys(parent for parent, peer in needs if not path(parent, peer).exists()))
