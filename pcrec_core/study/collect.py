"""The replicates of variants, by label: their records, with the missing ones trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pcrec_core.errors import SpecError
from pcrec_core.specs.run import Data, RunSpec
from pcrec_core.specs.trivial import TRIVIAL
from pcrec_core.study import plans
from pcrec_core.study.records import Store
from pcrec_core.study.replicates import Replicates
from pcrec_core.study.run import run
from pcrec_core.study.variants import Spec, variant


def labelled(
    label: str,
    data: str | Data,
    model: str,
    seeds: Sequence[int] = (),
    given: Mapping[str, Any] | None = None,
    **options: Any,
) -> Replicates:
    """Return the replicates of a label of ``claims.csv``.

    Parameters
    ----------
    label, data, model
        As in ``variants.variant``.
    seeds : sequence of int
        By default the planned ones.
    given : mapping, optional
        Settings of ``defaults.run_spec``.
    **options
        Those of ``run``.
    """
    return arm(label, _specs(label, data, model, seeds, given), **options)


def by_label(
    plan: Sequence[tuple[str | Data, str]],
    labels: Sequence[str] | Mapping[str, Sequence[str]],
    seeds: Sequence[int] = (),
    given: Mapping[str, Any] | None = None,
    *,
    by_epoch: bool = False,
    **options: Any,
) -> list[dict[str, Replicates]]:
    """Return the replicates by label, for each data set and model of a plan.

    All specs are made first, so that an impossible one is refused before any training.

    Parameters
    ----------
    plan : sequence of (data, model)
        Each gives one dict of the result.
    labels : sequence of str, or mapping
        The same for all, or by model.
    by_epoch : bool
        Whether each label must be a training, which alone has epochs.
    seeds, given, **options
        As in ``labelled``.

    Raises
    ------
    SpecError
        For an unknown label, or one that is impossible for a model or with ``given``, or
        ``by_epoch`` one without epochs; the message names label and model.
    """
    wanted = [
        {
            label: _named_specs(label, data, model, seeds, given, by_epoch)
            for label in (labels[model] if isinstance(labels, Mapping) else labels)
        }
        for data, model in plan
    ]
    return [{label: arm(label, specs, **options) for label, specs in one.items()} for one in wanted]


def _named_specs(
    label: str,
    data: str | Data,
    model: str,
    seeds: Sequence[int],
    given: Mapping[str, Any] | None,
    by_epoch: bool,
) -> list[Spec]:
    try:
        specs = _specs(label, data, model, seeds, given)
    except SpecError as error:
        raise SpecError(f"variant {label} of {model}: {error}") from None
    if by_epoch and not all(isinstance(spec, RunSpec) for spec in specs):
        raise SpecError(f"variant {label} of {model} is no training, so it has no epochs to show.")
    return specs


def _specs(
    label: str, data: str | Data, model: str, seeds: Sequence[int], given: Mapping[str, Any] | None
) -> list[Spec]:
    """Return one spec per seed, the planned seeds if none is given; a trivial baseline has one."""
    name = data.source if isinstance(data, Data) else data
    seeds = (0,) if label in TRIVIAL else tuple(seeds) or plans.seeds(label, model, name, given)
    return [variant(label, data, model, seed, given) for seed in seeds]


def found(
    label: str,
    data: str | Data,
    model: str,
    seeds: Sequence[int] = (),
    given: Mapping[str, Any] | None = None,
    *,
    store: Store,
) -> Replicates | None:
    """Return the replicates of a label that have records, and train nothing.

    The parameters are those of ``labelled``; the result is None where no run has a record.
    """
    specs = _specs(label, data, model, seeds, given)
    records = tuple(record for spec in specs if (record := store.of_spec(spec)))
    return Replicates(label, records) if records else None


def arm(label: str, specs: Sequence[Spec], **options: Any) -> Replicates:
    """Return the replicates of ``specs``, which differ only in the seed.

    ``options`` are those of ``run``.
    """
    return Replicates(label, tuple(run(specs, **options)))
