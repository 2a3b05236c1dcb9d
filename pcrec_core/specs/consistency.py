"""Consistency of a run: which of its values go together, and which options have a meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pcrec_core.errors import require, require_known
from pcrec_core.specs.cooperation import Cooperation
from pcrec_core.specs.fields import require_count
from pcrec_core.specs.names import options_with_meaning
from pcrec_core.specs.protocol import PROTOCOLS

if TYPE_CHECKING:
    from pcrec_core.specs.run import RunSpec

#: With more, a run would take days, and all memory, before its first exchange.
MOST_PEERS = 100
#: Fields about the differences between peers, with their values; the first is that of one peer.
PEER_FIELDS = {
    "rates": ("spread", "equal"),
    "orders": ("own", "same"),
    "starts": ("own", "same"),
}


def require_consistent(run: RunSpec) -> None:
    """Raise ``SpecError`` unless the values of a run go together."""
    _check_peers(run)
    require(run.seed >= 0, f"seed must be 0 or more, not {run.seed}.")
    require(
        run.training.average is None or run.peers == 1,
        "average belongs to one model: peers must be 1.",
    )
    require(
        run.training.evaluate_every == 1 or not run.options.chosen_on_test,
        "evaluate_every belongs to runs whose epoch is chosen on validation: leave it out.",
    )
    if run.cooperation:
        _check_cooperation(run, run.cooperation)
    for name in run.changed_options:
        require(
            has_meaning(name, run),
            f"option {name} has no meaning for this run; leave it as in protocol {run.protocol!r}.",
        )


def _check_peers(run: RunSpec) -> None:
    require_count("peers", run.peers)
    require(run.peers <= MOST_PEERS, f"peers must be at most {MOST_PEERS}, not {run.peers}.")
    require(
        run.peers <= 2 or run.protocol != "released",
        f"the released code trains one peer or two, not {run.peers}.",
    )
    for name, values in PEER_FIELDS.items():
        require_known(name, getattr(run, name), values)
        require(
            run.peers >= 2 or getattr(run, name) == values[0],
            f"{name} have a meaning only for two or more peers: leave them out.",
        )


def _check_cooperation(run: RunSpec, cooperation: Cooperation) -> None:
    smallest = 1 if cooperation.rule == "noise" else 2
    require(run.peers >= smallest, "cooperation needs peers: 2 or more.")
    require(
        cooperation.every <= run.training.epochs,
        f"cooperation every {cooperation.every} epochs never happens in {run.training.epochs}"
        " epochs.",
    )
    evaluate_every = run.training.evaluate_every
    require(
        evaluate_every == 1 or evaluate_every % cooperation.every == 0,
        f"evaluate_every {evaluate_every} must be a multiple of every {cooperation.every}, so that"
        " the peers cooperate in each epoch that is evaluated.",
    )
    require(
        cooperation.shares != "random" or run.peers == 2,
        "shares 'random' are defined for pairs: peers must be 2.",
    )
    require(
        run.model.name != "bpr" or cooperation.components is None,
        "BPR has no component but its embeddings: leave components out.",
    )
    thresholded = cooperation.rule != "parameterwise" or cooperation.gamma is not None
    require(
        run.protocol != "paper" or thresholded,
        "protocol 'paper' compares weights with a fixed gamma (Eq. 7): give one.",
    )


def has_meaning(option: str, run: RunSpec) -> bool:
    """Return whether a protocol option changes anything in a run.

    For ``evaluated``, return whether the run's value does, compared with its protocol's.
    """
    usual = PROTOCOLS[run.protocol].evaluated
    evaluated = run.options.evaluated
    return options_with_meaning(run.model.name, run.cooperation, evaluated, usual)[option]
