"""One line of the accuracy table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A measure, the published figure or target it stands against, and ours."""

    measure: str
    against: str
    ours: float

    def __str__(self) -> str:
        return f"{self.measure:62s} {self.against:>28s} {self.ours:10.4f}"
