"""The cooperation of the peers of a run: when and how they exchange weights."""

from __future__ import annotations

from dataclasses import dataclass

from pcrec_core.errors import require, require_known
from pcrec_core.specs.fields import Part, added_later, require_count

RULES = ("layerwise", "averaging", "parameterwise", "noise")
CRITERIA = ("entropy", "l1")
SHARES = ("own", "permuted", "random")
COMPONENTS = ("embedding", "middle", "softmax")


@dataclass(frozen=True)
class Cooperation(Part):
    """The exchange of weights between peers after every ``every``-th epoch.

    Parameters
    ----------
    rule : {"layerwise", "averaging", "parameterwise", "noise"}
        Eq. 8 and 9; the mean (mu = 1/n, the limit of Eq. 9 at alpha = 0); Eq. 5 to 7; or PCRec-N,
        which needs no second peer.
    criterion : {"entropy", "l1"}, optional
        Layer-wise: Eq. 4 or Eq. 2.
    alpha : float, optional
        Layer-wise: alpha of Eq. 9, above 0.
    every : int
        1 exchanges after every epoch.
    gamma : float, optional
        Parameter-wise: the threshold of Eq. 7. Without one, it is each matrix's median absolute
        value.
    shares : {"own", "permuted", "random"}
        Layer-wise: a layer's mu comes from its own information or, as a control, from another
        layer's, or at random.
    components : tuple of str, optional
        The components that are exchanged, of embedding, middle and softmax; by default all.
    """

    rule: str
    criterion: str | None = None
    alpha: float | None = None
    every: int = 1
    gamma: float | None = None
    shares: str = added_later("own")
    components: tuple[str, ...] | None = None

    def _check(self) -> None:
        require_known("cooperation rule", self.rule, RULES)
        require_known("shares", self.shares, SHARES)
        require_count("every", self.every)
        self._check_components()
        require(
            self.gamma is None or (self.rule == "parameterwise" and self.gamma >= 0),
            "gamma belongs to the rule 'parameterwise', and is 0 or more.",
        )
        if self.rule == "layerwise":
            self._check_layerwise()
        else:
            require(
                self.criterion is None and self.alpha is None and self.shares == "own",
                f"{self.rule} has no criterion and no alpha, nor shares: leave them out.",
            )

    def _check_components(self) -> None:
        if self.components is None:
            return
        for name in self.components:
            require_known("component", name, COMPONENTS)
        require(
            0 < len(set(self.components)) < len(COMPONENTS),
            f"components must be some of {', '.join(COMPONENTS)}; leave them out for all.",
        )
        ordered = tuple(name for name in COMPONENTS if name in self.components)
        object.__setattr__(self, "components", ordered)

    def _check_layerwise(self) -> None:
        require_known("criterion", self.criterion, CRITERIA)
        require(
            self.shares == "own" or self.components is None,
            "shares of other layers range over all layers: leave components out.",
        )
        # A larger alpha could overflow.
        require(
            self.alpha is not None and 0 < self.alpha <= 1e12,
            f"alpha must be above 0 and at most 1e12, not {self.alpha};"
            " for alpha = 0 use the rule 'averaging'.",
        )

    @property
    def merges(self) -> bool:
        """Whether all peers have the same weights in the exchanged layers afterwards (Eq. 8)."""
        return self.rule in ("layerwise", "averaging")
