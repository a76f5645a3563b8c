"""Capacity: where the limits are that are not configured."""

from typing import Final

import msgspec

from agentgauge.analyzer.series import Series
from agentgauge.configuration import Signal
from agentgauge.pricing import context_window

CONTEXT: Final = "context_tokens"
"""The signal of a model's mean input, whose limit is the model's context window."""

FULL: Final = 0.8
"""A mean context of so much of the window: beyond, some calls' is all of it."""


def of_series(signal: Signal, series: Series) -> Signal:
    """Return a signal as it is for one of its series: with the threshold that only its labels tell."""
    if signal.name != CONTEXT or signal.threshold is not None:
        return signal
    labels = dict(series.labels)
    window = context_window(labels.get("gen_ai_request_model", ""), labels.get("gen_ai_provider_name", ""))
    return signal if window is None else msgspec.structs.replace(signal, threshold=FULL * window)
