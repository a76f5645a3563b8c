"""The command ``agentgauge``: one thin file per command, imported when it is called."""

import importlib
import sys
from typing import Final

import click

from agentgauge import __version__
from agentgauge.errors import AgentgaugeError

_COMMANDS: Final = {
    "serve": "Exporter and analyzer in one process, with a sample agent.",
    "exporter": "Serve what spool and collectors bring as /metrics.",
    "analyzer": "Judge the signals in a Prometheus and serve the findings as /metrics.",
    "collect": "Read recordings once and write their metrics.",
    "hooks": "Have the hooks of git, pre-commit and Claude Code counted, and undo it.",
    "check": "Show what the exporter holds, and what of it should not be there.",
    "stack": "Run all of it with Prometheus, Alertmanager and Grafana where installed.",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"agentgauge.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # From the table: importing every command for its help would take a second.
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="agentgauge")
def group() -> None:
    """Prometheus-native performance monitoring for AI agents and the hooks around them."""


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and exit status 2."""
    try:
        sys.exit(group.main(prog_name="agentgauge", standalone_mode=False))
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "agentgauge"
        _fail(f"{error.format_message().rstrip('.')} (see '{command} --help')")
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.exit(130)
    except AgentgaugeError as error:
        _fail(str(error))


def _fail(line: str) -> None:
    print(f"agentgauge: {' '.join(line.split())}", file=sys.stderr)
    sys.exit(2)
