"""One line of the accuracy table."""

from dataclasses import dataclass

HEADER = f"{'measure':62s} {'ours':>9s}  {'target':>16s} {'':8s} published, or opponents in this run"


@dataclass(frozen=True)
class Row:
    """A measure, the published figure or the opponents it stands against, ours, and the range it should lie in."""

    measure: str
    against: str
    ours: float
    target: tuple[float, float] | None = None

    def __str__(self) -> str:
        wanted, met = "", ""
        if self.target is not None:
            low, high = self.target
            ends = [f"{sign} {end:g}" for sign, end in ((">", low), ("<", high)) if abs(end) < float("inf")]
            wanted = ", ".join(ends)
            met = "met" if low <= self.ours <= high else "NOT MET"
        return f"{self.measure:62s} {self.ours:9.4f}  {wanted:>16s} {met:8s} {self.against}"


def above(least: float) -> tuple[float, float]:
    """Return the target of what should be large."""
    return least, float("inf")


def below(most: float) -> tuple[float, float]:
    """Return the target of what should be small."""
    return -float("inf"), most
