"""JUnit XML reports: cases are counted, whatever a suite says of them, and nothing in one is expanded or fetched."""

from pathlib import Path

import pytest

from agentgauge.collectors import junit
from agentgauge.collectors.junit import Report, read, records
from agentgauge.errors import InvalidRecordError

REPORT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests">
  <testsuite name="pytest" errors="99" failures="99" skipped="99" tests="1" time="4.5" hostname="secret">
    <properties><property name="failure" value="secret"/></properties>
    <testcase classname="secret.test_a" name="test_one" time="0.5"/>
    <testcase classname="secret.test_a" name="test_two" time="1.5"><failure message="secret">secret</failure></testcase>
    <testcase classname="secret.test_a" name="test_three"><skipped type="pytest.skip" message="secret"/></testcase>
    <testcase classname="secret.test_a" name="test_four"><error>at setup</error><failure/></testcase>
    <testcase classname="secret.test_a" name="test_five"><system-out>&lt;failure/&gt;</system-out></testcase>
  </testsuite>
</testsuites>
"""


def report(tmp_path: Path, text: str | bytes) -> Report:
    path = tmp_path / "report.xml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(path)


def test_cases_are_counted_by_outcome(tmp_path: Path) -> None:
    found = report(tmp_path, REPORT)
    assert found.outcomes == {"passed": 2, "failed": 1, "skipped": 1, "error": 1}
    assert found.seconds == 4.5


@pytest.mark.parametrize(
    ("text", "cases", "seconds"),
    [
        (
            '<testsuite time="3"><testsuite time="2"><testcase time="2"/></testsuite><testcase time="1"/></testsuite>',
            2,
            3,
        ),
        ('<testsuites time="9"><testsuite time="3"><testcase/></testsuite></testsuites>', 1, 9),
        ('<testsuites><testsuite time="3"><testcase/></testsuite><testsuite time="2"/></testsuites>', 1, 5),
        ('<testsuite><testcase time="0.25"/><testcase time="1,000.5"/><testcase time="x"/></testsuite>', 3, 1000.75),
        ('<testsuite time="nan"><testcase time="-1"/><testcase time="inf"/></testsuite>', 2, 0),
        ("<testsuites/>", 0, 0),
        ('<j:testsuites xmlns:j="u"><j:testsuite><j:testcase/></j:testsuite></j:testsuites>', 1, 0),
    ],
)
def test_suites_may_be_nested_and_times_left_out(tmp_path: Path, text: str, cases: int, seconds: float) -> None:
    found = report(tmp_path, text)
    assert found.outcomes.total() == cases
    assert found.seconds == pytest.approx(seconds)


def test_other_runners_say_otherwise_that_a_case_did_not_run(tmp_path: Path) -> None:
    text = '<testsuite><testcase status="notrun"/><testcase status="run"/><testcase><disabled/></testcase></testsuite>'
    assert report(tmp_path, text).outcomes == {"skipped": 2, "passed": 1}


def test_reruns_of_a_case_that_passed_at_last_are_no_failures(tmp_path: Path) -> None:
    text = "<testsuite><testcase><flakyFailure/><rerunFailure><failure/></rerunFailure></testcase></testsuite>"
    assert report(tmp_path, text).outcomes == {"passed": 1}


def test_a_namespace_or_another_encoding_changes_nothing(tmp_path: Path) -> None:
    text = REPORT.replace("utf-8", "utf-16").replace("<testsuites ", '<testsuites xmlns="urn:x" ')
    assert report(tmp_path, text.encode("utf-16")).outcomes.total() == 5


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><testsuites><testcase name="&c;"/></testsuites>'
FETCH = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><testsuites>&b;</testsuites>'


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "not XML"),
        (REPORT[:200], "not XML"),
        ("no xml", "not XML"),
        ('{"note": "hello"}', "not XML"),
        (b"<testsuite><testcase name='\xff'/></testsuite>", "not XML"),
        ("<html/>", "outermost element is 'html'"),
        (BOMB, "document type"),
        (FETCH, "document type"),
        ("<testsuites>&b;</testsuites>", "not XML"),
        ("<testsuite>" * 300, "nested"),
        ('<?xml version="1.0" encoding="klingon"?><testsuite/>', "encoding"),
    ],
)
def test_what_is_no_report_says_so_in_one_line(tmp_path: Path, text: str | bytes, word: str) -> None:
    with pytest.raises(InvalidRecordError, match=word) as error:
        report(tmp_path, text)
    assert "\n" not in str(error.value)


def test_a_report_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(junit, "MAX_BYTES", 10)
    with pytest.raises(InvalidRecordError, match="bytes are more than"):
        report(tmp_path, REPORT)


def test_several_reports_are_one_run(tmp_path: Path) -> None:
    found = records([report(tmp_path, REPORT)] * 2, suite="unit", stage="ci")
    counts = {record.labels["outcome"]: record.amounts["count"] for record in found if record.kind == "tests"}
    assert counts == {"passed": 4, "failed": 2, "skipped": 2, "error": 2}
    (run,) = [record for record in found if record.kind == "test_run"]
    assert (run.labels, run.amounts) == ({"suite": "unit", "stage": "ci"}, {"duration_seconds": 9})
    assert "secret" not in repr(found)
