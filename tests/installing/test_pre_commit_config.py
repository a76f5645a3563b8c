import re
import stat
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agentgauge.errors import UsageError
from agentgauge.installing.change import Plan
from agentgauge.installing.pre_commit_config import install, uninstall

PREFIX = "agentgauge-hook --system pre_commit --event pre-commit --name {} -- "
CONFIG = """\
# what we check
default_stages: [pre-commit]   # and no other
repos:
  - repo: https://example.com/linters   # pinned
    rev: v1.0
    hooks:
      - id: from-elsewhere
  - repo: local
    hooks:
      - id: lint
        name: Lint  # fast
        entry: ruff check --fix   # a comment
        language: system
      - {id: 'types/strict', name: t, entry: "mypy  --strict", language: python}
      - id: quoted
        language: unsupported
        entry: 'sh -c ''exit 0'''
      - id: folded
        language: node
        entry: >-
          eslint
          --cache
        files: \\.js$
      - id: literal
        language: system
        entry: |
            bash -c "a
            b"
      - id: image
        language: docker_image
        entry: linter:latest
      - id: pattern
        language: pygrep
        entry: TODO
"""


def apply(plan: Plan) -> Plan:
    for change in plan.changes:
        change.apply()
    return plan


def entries(path: Path) -> dict[str, str]:
    body = yaml.safe_load(path.read_text())
    return {hook["id"]: hook["entry"] for repo in body["repos"] for hook in repo["hooks"] if "entry" in hook}


def write(directory: Path, text: str) -> Path:
    path = directory / ".pre-commit-config.yaml"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["\n", "", "\n\n# the end"])
def test_commands_are_prefixed_and_the_very_bytes_given_back(tmp_path: Path, newline: str, end: str) -> None:
    text = (CONFIG.rstrip("\n") + end).replace("\n", newline)
    path = write(tmp_path, text)
    path.chmod(0o640)
    before = entries(path)
    plan = apply(install(tmp_path))
    assert {note.split("hook ")[1].split(" ")[0] for note in plan.notes} == {"image", "pattern"}
    prefixed = {"lint": "lint", "types/strict": "types-strict", "quoted": "quoted", "folded": "folded"}
    prefixed["literal"] = "literal"
    assert entries(path) == {
        name: (PREFIX.format(prefixed[name]) if name in prefixed else "") + entry for name, entry in before.items()
    }
    assert re.sub(r"agentgauge-hook .*? -- ", "", path.read_bytes().decode()) == text
    assert install(tmp_path).changes == ()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    apply(uninstall(tmp_path))
    assert path.read_bytes() == text.encode()
    assert uninstall(tmp_path).changes == ()
    assert list(tmp_path.iterdir()) == [path]


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)


@settings(max_examples=50)
@given(
    entry=st.lists(WORDS, min_size=1, max_size=4).map(" ".join),
    name=WORDS,
    style=st.sampled_from([None, "'", '"', "|", ">"]),
    frame=st.tuples(st.sampled_from(["", "\ufeff"]), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "# é\n"])),
)
def test_any_entry_comes_back(
    tmp_path_factory: pytest.TempPathFactory, entry: str, name: str, style: str | None, frame: tuple[str, str, str]
) -> None:
    directory = tmp_path_factory.mktemp("any")
    hooks = [{"id": name, "language": "system", "entry": entry}]
    text = yaml.dump({"repos": [{"repo": "local", "hooks": hooks}]}, default_style=style, allow_unicode=True)
    mark, newline, comment = frame
    text = mark + (comment + text).replace("\n", newline)
    path = write(directory, text)
    apply(install(directory))
    assert re.fullmatch(r"agentgauge-hook [ -~]* -- " + re.escape(entry), entries(path)[name])
    apply(uninstall(directory))
    assert path.read_bytes() == text.encode()


def test_an_edit_in_between_stays(tmp_path: Path) -> None:
    path = write(tmp_path, CONFIG)
    apply(install(tmp_path))
    path.write_text(path.read_text().replace("ruff check --fix", "ruff check --diff") + "      - id: new\n")
    apply(uninstall(tmp_path))
    assert path.read_text() == CONFIG.replace("ruff check --fix", "ruff check --diff") + "      - id: new\n"


def test_an_alias_is_edited_once(tmp_path: Path) -> None:
    text = """\
repos:
- repo: local
  hooks:
  - {id: a, language: system, entry: check}
  - &b {id: b, entry: make, language: system}
  - *b
"""
    path = write(tmp_path, text)
    apply(install(tmp_path))
    assert entries(path) == {"a": PREFIX.format("a") + "check", "b": PREFIX.format("b") + "make"}
    apply(uninstall(tmp_path))
    assert path.read_text() == text


def test_a_text_that_cannot_be_edited_is_left_alone(tmp_path: Path) -> None:
    text = "repos:\n- repo: local\n  hooks:\n  - {id: a, language: system, entry: &e check}\n"
    path = write(tmp_path, text)
    with pytest.raises(UsageError, match="by hand"):
        install(tmp_path)
    assert path.read_text() == text


def test_a_configuration_without_entries_says_what_else_to_do(tmp_path: Path) -> None:
    write(tmp_path, "repos:\n- repo: https://example.com\n  rev: v1\n  hooks: [{id: x}]\n")
    plan = install(tmp_path)
    assert plan.changes == ()
    assert "hooks install git" in plan.notes[0]


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "repos: 3", "\x00"])
def test_what_is_no_configuration_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        install(tmp_path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_text() == text


def test_there_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--directory"):
        install(tmp_path)
