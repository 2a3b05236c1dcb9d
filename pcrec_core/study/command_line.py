"""The command line that trains a given run."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

from pcrec_core.specs.run import Cooperation, Data, RunSpec, Training

#: Values of fields that were added after records were made, which need no option.
_AS_BEFORE = {
    field.name: field.metadata["as_before"]
    for part in (Data, Training, Cooperation, RunSpec)
    for field in dataclasses.fields(part)
    if "as_before" in field.metadata
}


def command(spec: RunSpec) -> str:
    """Return the command line that trains ``spec``."""
    words = [
        f"--{name} {value if name == 'components' else shlex.quote(str(value))}"
        for name, value in _options(spec).items()
        if value is not None and value != _AS_BEFORE.get(name)
    ]
    if spec.changed_options:
        words += ["--rules", *(shlex.quote(f"{k}={v}") for k, v in spec.changed_options.items())]
    return " ".join(["python -m pcrec_core train", *words])


def _options(spec: RunSpec) -> dict[str, Any]:
    """Return the values of the options by name, in the order of the command line."""
    options: dict[str, Any] = {"dataset": spec.data.source, "core": spec.data.core}
    if spec.data.source == "csv":
        columns = ",".join(spec.data.columns or ())
        options |= {"csv": spec.data.path or "FILE", "columns": columns}
    options |= {"model": spec.model.name, "d": spec.model.d, "t": spec.model.t, "p": spec.model.p}
    options |= vars(spec.training) | {"peers": spec.peers}
    if spec.cooperation:
        exchange = dict(vars(spec.cooperation))
        options |= {"cooperation": exchange.pop("rule")} | exchange
        options["components"] = " ".join(spec.cooperation.components or ()) or None
    options |= {"histories": spec.data.histories, "rates": spec.rates}
    options |= {"orders": spec.orders, "starts": spec.starts}
    return options | {"protocol": spec.protocol, "seed": spec.seed}
