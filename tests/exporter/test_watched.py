from agentgauge.exporter.watched import hooks_row


def test_hooks_say_how_to_begin_until_one_has_come() -> None:
    before = hooks_row({"accepted": 0.0})
    assert "hooks install claude-code" in before.hint
    after = hooks_row({"accepted": 3.0})
    assert (after.hint, after.state) == ("", "good")
