import codecs
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentgauge.errors import UsageError
from agentgauge.installing.change import Plan
from agentgauge.installing.git_hooks import install, uninstall


def git(directory: Path, *arguments: str, status: int = 0, stdin: str = "") -> str:
    environment = {
        **os.environ,
        "HOME": str(directory),
        "GIT_CONFIG_NOSYSTEM": "1",
        "AGENTGAUGE_HOME": str(directory / "state"),
    }
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
        cwd=directory,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def hook(path: Path, body: str | bytes, mode: int = 0o755) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    path.chmod(mode)
    return path


def apply(plan: Plan) -> Plan:
    for change in plan.changes:
        change.apply()
    return plan


def runs(directory: Path) -> list[tuple[str, str]]:
    """Return event and outcome of what was counted."""
    spool = directory / "state" / "spool" / "spool.jsonl"
    lines = spool.read_text().split("\n") if spool.exists() else []
    return [(line["hook_event"], line["outcome"]) for line in map(json.loads, filter(None, lines))]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / ".git" / "hooks").mkdir(exist_ok=True)
    return tmp_path


ECHO = '#!/bin/sh\necho "hook of $# arguments: $*"\n'


def test_hooks_run_as_before_and_are_counted(repository: Path) -> None:
    hook(repository / ".git/hooks/pre-commit", ECHO)
    hook(repository / ".git/hooks/commit-msg", '#!/bin/sh\ngrep -q good "$1"\n')
    apply(install(repository))
    assert "hook of 0 arguments" in git(repository, "commit", "--allow-empty", "-m", "a good one")
    git(repository, "commit", "--allow-empty", "-m", "a bad one", status=1)
    assert sorted(runs(repository)) == [
        ("commit-msg", "blocked"),
        ("commit-msg", "success"),
        ("pre-commit", "success"),
        ("pre-commit", "success"),
    ]


def test_arguments_and_standard_input_reach_the_hook(repository: Path, tmp_path: Path) -> None:
    git(repository, "commit", "--allow-empty", "-m", "one")
    hook(repository / ".git/hooks/pre-push", '#!/bin/sh\necho "to $1 $2"\ncat\n')
    git(repository, "init", "-q", "--bare", "remote.git")
    apply(install(repository))
    said = git(repository, "push", "remote.git", "HEAD:refs/heads/main")
    assert "to remote.git remote.git" in said
    assert "refs/heads/main 0000000000000000000000000000000000000000" in said
    assert runs(repository) == [("pre-push", "success")]


@pytest.mark.parametrize("mode", [0o755, 0o700, 0o775])
@pytest.mark.parametrize("body", [ECHO, b"#!/bin/sh\r\n\xff\x00no newline", b"\x7fELF"])
def test_the_very_file_comes_back(repository: Path, body: str | bytes, mode: int) -> None:
    path = hook(repository / ".git/hooks/pre-commit", body, mode)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    before, status = path.read_bytes(), path.stat()
    (change,) = install(repository).changes
    assert change.diff()
    apply(install(repository))
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_bytes() != before
    assert install(repository) == Plan([], [])
    apply(uninstall(repository))
    assert path.read_bytes() == before
    assert (path.stat().st_ino, path.stat().st_mtime_ns, path.stat().st_mode) == (
        status.st_ino,
        status.st_mtime_ns,
        status.st_mode,
    )
    assert list(path.parent.glob("*agentgauge*")) == []
    assert uninstall(repository) == Plan([], [])


BODIES = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=60).map(lambda text: f"#!/bin/sh\r\n{text}".encode()),
    st.sampled_from([codecs.BOM_UTF8 + b"#!/bin/sh\n", b"", b"\n", b"#!/bin/sh", b"# agentgauge counts the runs\n"]),
)


@settings(max_examples=12)
@given(
    hooks=st.dictionaries(st.sampled_from(["pre-commit", "commit-msg", "update"]), BODIES, min_size=1),
    mode=st.sampled_from([0o755, 0o711, 0o500, 0o644]),
    linked=st.booleans(),
    path=st.sampled_from(["", "my hooks", "héöks/$(deep)"]),
)
def test_any_hooks_come_back(
    tmp_path_factory: pytest.TempPathFactory, hooks: dict[str, bytes], mode: int, linked: bool, path: str
) -> None:
    root = tmp_path_factory.mktemp("any")
    git(root, "init", "-q")
    directory = root / (path or ".git/hooks")
    directory.mkdir(parents=True, exist_ok=True)
    if path:
        git(root, "config", "core.hooksPath", path)
    for name, body in hooks.items():
        place = hook(root / "elsewhere" / name if linked else directory / name, body, mode)
        if linked:
            (directory / name).symlink_to(place)

    def held() -> dict[str, tuple[bytes, int, str]]:
        found = [*directory.iterdir(), *(root / "elsewhere").glob("*")]
        return {
            str(file): (file.read_bytes(), file.stat().st_mode, str(file.readlink()) if file.is_symlink() else "")
            for file in found
            if not file.name.endswith(".sample")
        }

    before = held()
    plan = install(root)
    assert len(plan.changes) + len(plan.notes) == len(hooks)
    for change in plan.changes:
        assert change.diff()
    assert held() == before  # what is shown is not done
    apply(plan)
    assert install(root).changes == []
    assert uninstall(root).notes == []
    apply(uninstall(root))
    assert held() == before


def test_a_link_comes_back_as_a_link(repository: Path) -> None:
    hook(repository / "scripts/check", ECHO)
    path = repository / ".git/hooks/pre-commit"
    path.symlink_to("../../scripts/check")
    apply(install(repository))
    assert "hook of 0" in git(repository, "commit", "--allow-empty", "-m", "a")
    apply(uninstall(repository))
    assert path.readlink() == Path("../../scripts/check")


@pytest.mark.parametrize("where", ["hooks here", "deep/hooks"])
def test_hooks_are_found_where_git_looks(repository: Path, where: str) -> None:
    (repository / where).mkdir(parents=True)
    hook(repository / where / "pre-commit", ECHO)
    git(repository, "config", "core.hooksPath", where)
    inside = repository / "some" / "directory"
    inside.mkdir(parents=True)
    apply(install(inside))
    assert "hook of 0" in git(inside, "commit", "--allow-empty", "-m", "a")
    assert (repository / where / "pre-commit.agentgauge").read_text() == ECHO


def test_a_bare_repository_and_a_worktree_have_hooks_too(repository: Path) -> None:
    git(repository, "commit", "--allow-empty", "-m", "one")
    git(repository, "worktree", "add", "-q", "tree")
    git(repository, "init", "-q", "--bare", "bare.git")
    hook(repository / ".git/hooks/pre-commit", ECHO)
    hook(repository / "bare.git/hooks/update", ECHO)
    apply(install(repository / "tree"))
    apply(install(repository / "bare.git"))
    assert (repository / ".git/hooks/pre-commit.agentgauge").exists()
    assert (repository / "bare.git/hooks/update.agentgauge").exists()


def test_what_git_does_not_run_is_left_alone(repository: Path) -> None:
    hook(repository / ".git/hooks/pre-commit", ECHO, 0o644)
    hook(repository / ".git/hooks/pre-push.sample", ECHO)
    hook(repository / ".git/hooks/helper", ECHO)
    plan = install(repository)
    assert plan.changes == []
    assert len(plan.notes) == 1
    assert "not executable" in plan.notes[0]


@pytest.mark.parametrize(
    "body", ['#!/bin/sh\nrun-hook "$(basename "$0")"\n', '#!/bin/sh\n. "$(dirname "$0")/_/husky.sh"\n', "x=${0##*/}"]
)
def test_a_hook_that_goes_by_its_name_is_left_alone_and_said(repository: Path, body: str) -> None:
    hook(repository / ".git/hooks/pre-commit", body)
    plan = install(repository)
    assert plan.changes == []
    assert "by its own name" in plan.notes[0]


def test_without_agentgauge_hook_the_hook_still_runs(repository: Path) -> None:
    path = hook(repository / ".git/hooks/pre-commit", ECHO)
    apply(install(repository))
    wrapper = path.read_text()
    program = wrapper.split("[ -x ")[1].split(" ]")[0]
    hook(path, wrapper.replace(program, "/gone/agentgauge-hook"))
    assert "hook of 0" in git(repository, "commit", "--allow-empty", "-m", "a")
    assert runs(repository) == []
    apply(uninstall(repository))
    assert path.read_text() == ECHO


def test_a_wrapper_that_was_changed_is_left_alone_and_said(repository: Path) -> None:
    path = hook(repository / ".git/hooks/pre-commit", ECHO)
    apply(install(repository))
    with path.open("a") as file:
        file.write("# mine\n")
    plan = apply(uninstall(repository))
    assert plan.changes == []
    assert "changed since" in plan.notes[0]
    assert path.read_text().endswith("# mine\n")
    assert path.with_name("pre-commit.agentgauge").read_text() == ECHO


def test_what_is_in_the_way_is_not_overwritten(repository: Path) -> None:
    hook(repository / ".git/hooks/pre-commit", ECHO)
    hook(repository / ".git/hooks/pre-commit.agentgauge", "mine")
    plan = install(repository)
    assert plan.changes == []
    assert "in the way" in plan.notes[0]


def test_a_repository_without_hooks_has_nothing_to_count(repository: Path) -> None:
    plan = install(repository)
    assert plan.changes == []
    assert "no hooks yet" in plan.notes[0]


def test_what_is_no_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a directory"):
        install(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="not a git repository") as caught:
        install(tmp_path)
    assert "\n" not in str(caught.value)
