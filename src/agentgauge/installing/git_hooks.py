"""git's hooks: each that can run is kept beside itself and run by agentgauge-hook in its place."""

import os
import re
import shlex
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentgauge.errors import UsageError
from agentgauge.installing.change import Plan, read_file, refused, replace_file, unified_diff
from agentgauge.installing.hook_command import program as hook_program

HOOKS: Final = frozenset(
    {
        "applypatch-msg",
        "commit-msg",
        "fsmonitor-watchman",
        "p4-changelist",
        "p4-post-changelist",
        "p4-pre-submit",
        "p4-prepare-changelist",
        "post-applypatch",
        "post-checkout",
        "post-commit",
        "post-index-change",
        "post-merge",
        "post-receive",
        "post-rewrite",
        "post-update",
        "pre-applypatch",
        "pre-auto-gc",
        "pre-commit",
        "pre-merge-commit",
        "pre-push",
        "pre-rebase",
        "pre-receive",
        "prepare-commit-msg",
        "proc-receive",
        "push-to-checkout",
        "reference-transaction",
        "sendemail-validate",
        "update",
    }
)

_KEPT: Final = ".agentgauge"
_MARK: Final = "# agentgauge counts the runs of the hook beside this one"
_SEES_ITS_NAME: Final = re.compile(rb"husky|basename[^\n]{0,20}\$|\$\{0##|\$0:t|PROGRAM_NAME|sys\.argv\[0\]")


@dataclass(frozen=True, slots=True)
class Wrap:
    """A hook that moves aside for its wrapper.

    Args:
        path: the hook.
        body: of the wrapper.
    """

    path: Path
    body: bytes

    def diff(self) -> str:
        """Return it as a unified diff of the hook's content."""
        return unified_diff(self.path, read_file(self.path), self.body)

    def apply(self) -> None:
        """Do it, so that there is a hook at every moment.

        Raises:
            UsageError: the system refuses.
        """
        kept = _kept(self.path)
        try:
            try:
                os.link(self.path, kept, follow_symlinks=False)
            except FileExistsError:
                raise
            except OSError:  # a file system without hard links
                shutil.copy2(self.path, kept, follow_symlinks=False)
            try:
                replace_file(self.path, self.body, like=kept)
            except OSError:
                kept.unlink()  # what it is a link to, or a copy of, is still there
                raise
        except OSError as error:
            raise refused(self.path, error) from error


@dataclass(frozen=True, slots=True)
class Unwrap:
    """A wrapper whose hook comes back, the same file as before."""

    path: Path

    def diff(self) -> str:
        """Return it as a unified diff of the hook's content."""
        return unified_diff(self.path, read_file(self.path), read_file(_kept(self.path)))

    def apply(self) -> None:
        """Do it.

        Raises:
            UsageError: the system refuses.
        """
        try:
            _kept(self.path).replace(self.path)
        except OSError as error:
            raise refused(self.path, error) from error


def install(repository: Path) -> Plan:
    """Plan wrappers for the hooks that a repository has.

    Raises:
        UsageError: it is no git repository, or agentgauge-hook is not installed.
    """
    program = hook_program()
    plan: Plan = Plan(changes := [], [])
    for path in _hooks(repository):
        if _is_wrapper(path):
            continue
        body = read_file(path) or b""
        if not os.access(path, os.X_OK):
            plan.notes.append(f"{path}: not executable, so that git does not run it; left alone")
        elif os.path.lexists(_kept(path)):
            plan.notes.append(f"{path}: {_kept(path).name} is in the way; left alone")
        elif path.parent.parent.name == ".husky" or _SEES_ITS_NAME.search(body):
            plan.notes.append(f"{path}: goes by its own name; left alone, put agentgauge-hook into it by hand")
        else:
            changes.append(Wrap(path, _wrapper(path.name, program)))
    if not changes and not plan.notes and not any(map(_is_wrapper, _hooks(repository))):
        plan.notes.append(f"{_directory(repository)}: there are no hooks yet; install again once there are")
    return plan


def uninstall(repository: Path) -> Plan:
    """Plan to give the hooks back; a wrapper that was changed since is left alone.

    Raises:
        UsageError: it is no git repository.
    """
    plan: Plan = Plan(changes := [], [])
    for kept in sorted(_directory(repository).glob(f"*{_KEPT}")):
        path = kept.with_name(kept.name.removesuffix(_KEPT))
        if path.name not in HOOKS:
            continue
        if _is_wrapper(path):
            changes.append(Unwrap(path))
        else:
            plan.notes.append(f"{path}: changed since the installation, so left alone; the former hook is {kept.name}")
    return plan


def _hooks(repository: Path) -> list[Path]:
    directory = _directory(repository)
    try:
        return sorted(path for path in directory.iterdir() if path.name in HOOKS and path.is_file())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"{directory}: cannot be read: {error.strerror}") from error


def _directory(repository: Path) -> Path:
    """Return where git looks for hooks, ``core.hooksPath`` included."""
    if not repository.is_dir():
        raise UsageError(f"{repository}: not a directory")
    root = repository
    if _git(repository, "--is-bare-repository") == "false":
        root = Path(_git(repository, "--show-toplevel"))
    return Path(os.path.normpath(root.absolute() / _git(root, "--git-path", "hooks")))


def _git(directory: Path, *question: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("GIT_DIR", "GIT_WORK_TREE")}
    try:
        done = subprocess.run(
            ["git", "-C", directory, "rev-parse", *question], capture_output=True, text=True, env=environment
        )
    except FileNotFoundError as error:
        raise UsageError("git is not installed") from error
    if done.returncode:
        reason = done.stderr.strip().splitlines()
        raise UsageError(f"{directory}: {reason[0].removeprefix('fatal: ') if reason else 'git does not say why not'}")
    return done.stdout.rstrip("\n")


def _wrapper(name: str, program: str) -> bytes:
    """Return a script that runs the kept hook; without agentgauge-hook it runs it all the same."""
    return f"""#!/bin/sh
{_MARK}; to undo: agentgauge hooks uninstall git
hook="${{0%/*}}/{name}{_KEPT}"
[ -x {shlex.quote(program)} ] || exec "$hook" "$@"
exec {shlex.quote(program)} --system git --event {name} --name {name} -- "$hook" "$@"
""".encode("utf-8", "surrogateescape")


def _is_wrapper(path: Path) -> bool:
    """Return whether a hook is a wrapper as we wrote it, for whatever place of agentgauge-hook."""
    try:
        if path.is_symlink() or not stat.S_ISREG(path.stat().st_mode):
            return False
    except FileNotFoundError:
        return False
    body = (read_file(path) or b"").decode("utf-8", "surrogateescape")
    match = re.search(r"^\[ -x (.*) \] \|\| exec", body, re.MULTILINE)
    if match is None:
        return False
    try:
        (program,) = shlex.split(match[1])
    except ValueError:
        return False
    return body.encode("utf-8", "surrogateescape") == _wrapper(path.name, program)


def _kept(path: Path) -> Path:
    return path.with_name(path.name + _KEPT)
