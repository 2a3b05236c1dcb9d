"""The result of a comparison of two variants: the relative improvement and its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass, fields

from scipy.special import stdtrit

from pcrec_core.analysis.crossed import StatsError


@dataclass(frozen=True)
class Effect:
    """The relative improvement of a comparison whose means are both above 0; no field is None.

    Parameters
    ----------
    L : float
        ln(mean_v / mean_b).
    RI, low, high : float
        expm1(L) and its 95 % interval.
    p : float
        Two-sided.
    se, df : float
        Standard error of L and its degrees of freedom.
    Vu, Vs, Ve, Vseed : float
        Variances of L by users, by runs, by run and user, and by runs alone.
    mde : float
        The RI found with 80 % power.
    """

    L: float
    RI: float
    low: float
    high: float
    p: float
    se: float
    df: float
    Vu: float
    Vs: float
    Ve: float
    Vseed: float
    mde: float


@dataclass(frozen=True)
class Comparison:
    """Variant v over base b: the relative improvement, its uncertainty, and the data behind it.

    The fields from ``L`` to ``mde`` are those of ``Effect``, all None (shown as "-") where a mean
    is 0; ``effect`` has them typed as numbers.

    Parameters
    ----------
    rv_v, rv_b : float or None
        Relative variance of a user's value in one run of the arm; None where a run's mean is 0.
    users_only : bool
        Whether an arm has one run, so that the interval leaves out the variance by runs.
    reason : str
        Why nothing can be decided (too few runs, too few users above 0, no variation), or "".
    few_runs : bool
        Whether an arm has fewer than three runs.
    """

    metric: str
    mean_v: float
    mean_b: float
    L: float | None
    RI: float | None
    low: float | None
    high: float | None
    p: float | None
    se: float | None
    df: float | None
    Vu: float | None
    Vs: float | None
    Ve: float | None
    Vseed: float | None
    mde: float | None
    rv_v: float | None
    rv_b: float | None
    runs_v: int
    runs_b: int
    users: int
    paired: bool
    users_only: bool
    reason: str
    few_runs: bool = False

    @property
    def effect(self) -> Effect:
        """The numbers that both means above 0 define; ``StatsError`` where a mean is 0."""
        if self.L is None:
            raise StatsError(
                f"the means in {self.metric} are {self.mean_v:g} and {self.mean_b:g}: a mean of 0"
                " has no relative improvement."
            )
        return Effect(**{field.name: getattr(self, field.name) for field in fields(Effect)})

    @property
    def seed_share(self) -> float | None:
        """Vseed / V, the share of the uncertainty that comes from runs.

        None where nothing varies, and where an arm has one run, whose part cannot be known.
        """
        if self.Vseed is None or not self.se or self.users_only:
            return None
        return self.Vseed / self.se**2

    @property
    def fewest_runs(self) -> int:
        """S, the smaller number of runs, of the arms that have two or more; 1 without any."""
        return min((runs for runs in (self.runs_v, self.runs_b) if runs > 1), default=1)

    def bounds(self, level: float) -> tuple[float, float]:
        """Compute the interval of L outside which each side has probability 1 - ``level``.

        Raises
        ------
        StatsError
            If a mean is 0.
        """
        effect = self.effect
        half = float(stdtrit(effect.df, level)) * effect.se
        return effect.L - half, effect.L + half
