"""Whether a missing record can, and may, be made here."""

from __future__ import annotations

import os

from pcrec_core.errors import RecordError
from pcrec_core.specs import trivial
from pcrec_core.specs.derived import Spec
from pcrec_core.specs.run import NUMERICS, RunSpec
from pcrec_core.study import command_line
from pcrec_core.training.environment import NO_TRAINING


def require_trainable(spec: Spec) -> None:
    """Raise ``RecordError`` if a missing record cannot, or must not, be made here.

    Only an earlier state of the code can make a record of earlier numerics, and where
    ``PCREC_NO_TRAINING`` is set no record of real data is made.
    """
    trained = isinstance(spec, RunSpec)
    numerics = NUMERICS[spec.model.name] if trained else trivial.NUMERICS
    if spec.numerics != numerics:
        raise RecordError(
            f"the record {spec.name} is missing, and only an earlier state of the code, of numerics"
            f" {spec.numerics}, can make it; ask for numerics {numerics}."
        )
    if os.environ.get(NO_TRAINING) and spec.data.source != "synthetic":
        raise RecordError(
            f"the record {spec.name} is missing, and {NO_TRAINING} is set; make it with:"
            f" {command_line.command_or_api(spec)}"
        )
