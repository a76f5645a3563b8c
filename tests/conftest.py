"""What tests have measured is printed below their results."""

import hypothesis
import pytest

# A deadline per example fails whoever shares the machine.
hypothesis.settings.register_profile("agentgauge", deadline=None)
hypothesis.settings.load_profile("agentgauge")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded with ``record_property("measured", text)``, also those run by workers."""
    for report in terminalreporter.stats.get("passed", []):
        for name, text in report.user_properties:
            if name == "measured":
                terminalreporter.section(report.nodeid.partition("::")[2], sep="-")
                terminalreporter.write_line(text)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the test that mostly waits, so that the others run meanwhile."""
    items.sort(key=lambda item: "test_proof" not in item.nodeid)
