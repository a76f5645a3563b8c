import pytest

from agentgauge.catalogue import METRICS
from agentgauge.collectors.hook_payload import EVENTS
from agentgauge.exporter.label_values import label_values, suspicion
from agentgauge.pricing import GENAI_PRICES, UNPRICED


def test_values_are_counted_by_label_in_order() -> None:
    series = [{"b": "y", "a": "2"}, {"b": "x"}, {"b": "x", "a": "1"}]
    values = label_values(series)
    assert values == {"a": {"1": 1, "2": 1}, "b": {"x": 2, "y": 1}}
    assert [list(values), list(values["b"])] == [["a", "b"], ["x", "y"]]


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("/home/someone/project", "a path"),
        ("~/notes.txt", "a path"),
        ("../secrets", "a path"),
        ("src/app/main.py", "a path"),
        ("C:\\Users\\someone", "a path"),
        ("someone@example.com", "an address of e-mail"),
        ("3f1c9a2e-1111-4222-8333-abcdefabcdef", "a UUID"),
        ("https://example.com/?token=1", "a URL"),
        ("ghp_" + "x" * 36, "a secret"),
        ("sk-" + "ant-" + "y" * 24, "a secret"),
        ("toolu_01AbCdEf", "an identifier"),
        ("9f86d081884c7d659a2feaa0c55ad015", "an identifier"),
        ("10.1.2.3", "an address of a machine"),
        ("one\ntwo", "text of several lines"),
        ("please write a function that sorts", "a long text"),
        ("x" * 200, "a long text"),
    ],
)
def test_what_should_be_in_no_label_is_marked(value: str, what: str) -> None:
    assert suspicion(value) == what


ORDINARY = ["", "Bash", "mcp__files__read_file", "claude-opus-4-6", "gpt-4o-2024-08-06", "anthropic/claude-opus-4-6"]
ORDINARY += ["aws.bedrock", "gcp.vertex_ai", "claude-sonnet-4@20250514", "anthropic.claude-3-5-sonnet-20241022-v2:0"]
ORDINARY += ["code review", "prepare-commit-msg", "1.2.3", "3.11.7", "0.1.dev3+g0123456", "429", "TimeoutError"]


@pytest.mark.parametrize("value", [*ORDINARY, *sorted(EVENTS), GENAI_PRICES, UNPRICED, *METRICS])
def test_what_labels_say_is_not(value: str) -> None:
    assert suspicion(value) == ""
