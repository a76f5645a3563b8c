"""``agentgauge hooks``: wire git, pre-commit and Claude Code, and give back what was there."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from agentgauge import clients
from agentgauge.errors import UsageError
from agentgauge.installing import claude_settings, git_hooks, pre_commit_config
from agentgauge.installing.change import Plan

_EXPORTER: Final = "http://127.0.0.1:10420"
_PATH: Final = click.Path(path_type=Path)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_HELP: Final = {"help_option_names": ["-h", "--help"]}

_directory = click.option(
    "--directory",
    type=_PATH,
    default=Path(),
    help="The repository; the current directory by default.",
)
_settings = click.option(
    "--settings",
    type=_PATH,
    default=lambda: Path(clients.claude_code("settings.json")),
    show_default="settings.json in CLAUDE_CONFIG_DIR or ~/.claude",
    help="Claude Code's settings.",
)
_dry_run = click.option("--dry-run", is_flag=True, help="Show the difference and change nothing.")


@click.group(no_args_is_help=False, context_settings=_HELP)
def hooks() -> None:
    """Have hooks that are already there counted, and undo it."""


@hooks.group(no_args_is_help=False, context_settings=_HELP)
def install() -> None:
    """Have hooks counted; a second time changes nothing."""


@hooks.group(no_args_is_help=False, context_settings=_HELP)
def uninstall() -> None:
    """Give back the very files there were; of a file changed since, remove only what install added."""


@install.command("git")
@_directory
@_dry_run
def install_git(directory: Path, dry_run: bool) -> None:
    """Run each hook of a git repository by agentgauge-hook; the hook itself is kept beside."""
    _carry_out(git_hooks.install(directory), "git's hooks are counted", dry_run=dry_run)


@install.command("pre-commit")
@_directory
@_dry_run
def install_pre_commit(directory: Path, dry_run: bool) -> None:
    """Put agentgauge-hook before the commands in .pre-commit-config.yaml; who runs them needs it, too."""
    _carry_out(pre_commit_config.install(directory), "pre-commit's hooks are counted", dry_run=dry_run)


@install.command("claude-code")
@_settings
@click.option("--exporter", default=_EXPORTER, show_default=_EXPORTER, help="Base URL of the exporter.")
@click.option(
    "--authorization",
    metavar="VARIABLE",
    help="Where the exporter has users: the variable of Claude Code's environment that holds the header, for instance "
    "'Basic ' and base64 of name:password; '' for none. By default as it is.",
)
@click.option("--all-events", is_flag=True, help="Also the events that only newer versions of Claude Code know.")
@click.option("--commands", is_flag=True, help="Also time the hooks of type command, by agentgauge-hook.")
@_dry_run
def install_claude_code(
    settings: Path, exporter: str, authorization: str | None, all_events: bool, commands: bool, dry_run: bool
) -> None:
    """Have Claude Code tell the exporter of each event over HTTP, with no process started."""
    parts = urlsplit(exporter)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"--exporter: {exporter!r} is not a base URL, like {_EXPORTER}")
    if authorization and not _VARIABLE.fullmatch(authorization):
        raise UsageError("--authorization: not the name of an environment variable; the secret itself belongs into it")
    plan = claude_settings.install(settings, exporter, authorization=authorization, newer=all_events, commands=commands)
    _carry_out(plan, "new sessions of Claude Code report to the exporter", dry_run=dry_run)


@uninstall.command("git")
@_directory
@_dry_run
def uninstall_git(directory: Path, dry_run: bool) -> None:
    """Put each hook of a git repository back where it was."""
    _carry_out(git_hooks.uninstall(directory), "git's hooks are as they were", dry_run=dry_run)


@uninstall.command("pre-commit")
@_directory
@_dry_run
def uninstall_pre_commit(directory: Path, dry_run: bool) -> None:
    """Take agentgauge-hook out of .pre-commit-config.yaml."""
    _carry_out(pre_commit_config.uninstall(directory), "pre-commit's hooks are as they were", dry_run=dry_run)


@uninstall.command("claude-code")
@_settings
@_dry_run
def uninstall_claude_code(settings: Path, dry_run: bool) -> None:
    """Take our hooks out of Claude Code's settings."""
    _carry_out(claude_settings.uninstall(settings), "Claude Code's settings are as they were", dry_run=dry_run)


def _carry_out(plan: Plan, done: str, *, dry_run: bool) -> None:
    """Do a plan and say so, or show it."""
    for change in plan.changes:
        if dry_run:
            click.echo(change.diff(), nl=False)
        else:
            change.apply()
    for note in plan.notes:
        click.echo(f"agentgauge: {note}", err=True)
    if not plan.changes:
        click.echo("nothing to change")
    elif not dry_run:
        click.echo(done)
