"""The weights of the quality score are exposed as configured."""

from pathlib import Path

import pytest

from agentgauge.configuration import Configuration, load
from agentgauge.errors import ConfigurationError
from agentgauge.exporter.quality import weight_family

WEIGHT = "agentgauge_quality_weight"


def test_the_weights_are_those_of_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "agentgauge.yml"
    file.write_text("quality: {weights: {faithfulness: 2, user_feedback: 1}}")
    family = weight_family(load(file).quality.weights)
    assert (family.metric.name, family.samples) == (WEIGHT, {("faithfulness",): 2.0, ("user_feedback",): 1.0})


def test_by_default_code_quality_coverage_and_feedback_count() -> None:
    weights = weight_family(Configuration().quality.weights).samples
    assert weights == {("code_quality",): 0.4, ("test_coverage",): 0.3, ("user_feedback",): 0.3}


@pytest.mark.parametrize("text", ["{weights: {a: 0}}", "{weights: {a: -1}}", "{weights: {a: much}}", "{weight: {}}"])
def test_a_weight_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "agentgauge.yml"
    file.write_text(f"quality: {text}")
    with pytest.raises(ConfigurationError, match="quality"):
        load(file)
