"""What to type: the command line that trains a run. No torch."""

from __future__ import annotations

import dataclasses
import shlex

from pcrec_core.specs.run import Cooperation, Data, RunSpec, Training


def command(spec: RunSpec) -> str:
    """The command line that trains ``spec``."""
    parts = {"dataset": spec.data.source, "core": spec.data.core}
    if spec.data.source == "csv":
        parts |= {"csv": spec.data.path or "FILE", "columns": ",".join(spec.data.columns)}
    parts |= {"model": spec.model.name, "d": spec.model.d, "t": spec.model.t, "p": spec.model.p}
    parts |= vars(spec.training) | {"peers": spec.peers}
    if spec.cooperation:
        parts |= {"cooperation": spec.cooperation.rule} | {
            k: v for k, v in vars(spec.cooperation).items() if k != "rule"
        }
        parts["components"] = " ".join(spec.cooperation.components or ()) or None
    later = {
        "histories": spec.data.histories,
        "rates": spec.rates,
        "orders": spec.orders,
        "starts": spec.starts,
    }
    usual = {
        f.name: f.metadata["as_before"]
        for part in (Data, Training, Cooperation, RunSpec)
        for f in dataclasses.fields(part)
        if "as_before" in f.metadata
    }
    parts |= later | {"protocol": spec.protocol, "seed": spec.seed}
    words = [
        f"--{name} {value if name == 'components' else shlex.quote(str(value))}"
        for name, value in parts.items()
        if value is not None and value != usual.get(name)
    ]
    words += (
        ["--rules", *(shlex.quote(f"{k}={v}") for k, v in spec.changed_rules.items())]
        if spec.changed_rules
        else []
    )
    return " ".join(["python -m pcrec_core train", *words])
