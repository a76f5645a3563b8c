"""Arrays in, arrays out: no I/O, no clock, no configuration."""

from .causes import rank_causes
from .changes import ChangePoint, change_points
from .detection import Detection, detect, detect_last
from .forecasting import Forecast, forecast
from .regression import Regression, regressions

__all__ = [
    "ChangePoint",
    "Detection",
    "Forecast",
    "Regression",
    "change_points",
    "detect",
    "detect_last",
    "forecast",
    "rank_causes",
    "regressions",
]
