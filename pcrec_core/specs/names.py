"""What a run's parts imply: the words of its name, the reported models, the options that matter."""

from __future__ import annotations

from pcrec_core.specs.cooperation import Cooperation


def join_words(name: str, *optional: tuple[bool, str]) -> str:
    """Join a name and the words whose condition holds with hyphens."""
    return "-".join([name, *(word for holds, word in optional if holds)])


def cooperation_name(cooperation: Cooperation) -> str:
    """Return the short name of an exchange: le-a30 (entropy), ln-a30 (L1), avg, w-g0.5, n."""
    if cooperation.rule == "layerwise":
        name = f"l{'e' if cooperation.criterion == 'entropy' else 'n'}-a{cooperation.alpha:g}"
    else:
        name = {"averaging": "avg", "parameterwise": "w", "noise": "n"}[cooperation.rule]
    return join_words(
        name,
        (cooperation.gamma is not None, f"g{cooperation.gamma or 0:g}"),
        (cooperation.every > 1, f"k{cooperation.every}"),
        (cooperation.shares != "own", cooperation.shares),
        *((True, component) for component in cooperation.components or ()),
    )


def reported_models(cooperation: Cooperation | None, evaluated: str) -> str:
    """Return which models an epoch can report, given the option ``evaluated``.

    "own": each peer before the exchange; "merged": the one model that all peers are after it;
    "after": each peer after it.
    """
    if cooperation is None or evaluated == "before":
        return "own"
    # Protocol `controlled` reports peers before a parameter-wise exchange or noise.
    if evaluated == "merged" and not (cooperation.merges or cooperation.components):
        return "own"
    return "merged" if cooperation.merges and cooperation.components is None else "after"


def options_with_meaning(
    model: str, cooperation: Cooperation | None, evaluated: str, usual: str
) -> dict[str, bool]:
    """Return for each protocol option whether it changes anything in a run.

    Parameters
    ----------
    model : str
        The model's name.
    cooperation : Cooperation, optional
        The run's.
    evaluated, usual : str
        The run's value of the option ``evaluated``, and its protocol's.
    """
    layerwise = cooperation is not None and cooperation.rule == "layerwise"
    entropy = cooperation is not None and cooperation.criterion == "entropy"
    return {
        "data": model == "bpr",
        "hidden": model == "bpr",
        "candidates": model != "bpr",
        "loss": model == "sasrec",
        "attention": model == "sasrec",
        "mean": model == "dnn",
        "layers": model == "sasrec" and layerwise,
        "last_bin": layerwise and entropy,
        "order": True,
        "choice": True,
        "evaluated": reported_models(cooperation, evaluated) != reported_models(cooperation, usual),
    }
