"""How a record was made, as its file holds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from pcrec_core.study.views import View


@dataclass(frozen=True)
class Provenance(View):
    """How a record was made; older records have fewer fields.

    ``seconds`` is the time by phase, and ``parents`` has the hash of the result of each run that a
    derived record was made from.
    """

    #: Later code may add fields, and nothing here depends on them.
    OPEN: ClassVar[bool] = True

    commit: str | None = None
    clean: bool | None = None
    code: str | None = None
    device: str | None = None
    threads: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    began_with_epoch: int | None = None
    peak_bytes: int = 0
    processes: int = 1
    parents: dict[str, str | None] = field(default_factory=dict)
