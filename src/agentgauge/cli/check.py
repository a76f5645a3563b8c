"""``agentgauge check``: what the exporter holds, and what of it should not be there."""

import http.client
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click
import msgspec

from agentgauge.errors import SpoolError, UsageError
from agentgauge.exporter.label_values import label_values, suspicion
from agentgauge.totals import Totals
from agentgauge_spool import home

_TIMEOUT_SECONDS: Final = 10.0


@click.group(no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
def check() -> None:
    """Show what the exporter holds, and what of it should not be there."""


@check.command
@click.option("--url", help="Read the /metrics at this URL, gauges and signals included.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Read this checkpoint.")
def privacy(url: str | None, checkpoint: Path | None) -> None:
    """Show every label value, by label, and mark those that look like a path, a person, a secret or a text.

    By default of the checkpoint under AGENTGAUGE_HOME, which is at most ten seconds old. The exit status is 1 where
    a value is marked.
    """
    if url is not None and checkpoint is not None:
        raise UsageError("check privacy: give --url or --checkpoint, not both")
    path = checkpoint or Path(home()) / "exporter" / "checkpoint.json"
    values = label_values(_exposed(url) if url is not None else _saved(path))
    marked = 0
    for label, counts in values.items():
        print(f"{label}: {len(counts)} {'value' if len(counts) == 1 else 'values'}")
        for value, series in counts.items():
            what = suspicion(value)
            marked += bool(what)
            shown = value if value.isprintable() and value else ascii(value)
            print(f"{'!' if what else ' '} {shown}  ({series} series{', looks like ' + what if what else ''})")
    total = sum(map(len, values.values()))
    print(f"{url or path}: {len(values)} labels, {total} values, {marked} of them suspicious")
    if marked:
        sys.exit(1)


def _saved(path: Path) -> Iterator[Mapping[str, str]]:
    """Yield the labels of each series in a checkpoint, which is only read."""
    totals = Totals(cap=sys.maxsize)
    try:
        totals.restore(msgspec.json.decode(path.read_bytes())["sections"].get("totals", {"series": {}, "unborn": []}))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}; has an exporter run?") from error
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError, SpoolError) as error:
        raise UsageError(f"{path}: not a checkpoint of the exporter") from error
    for family in totals.families():
        for labels in family.samples:
            yield dict(zip(family.metric.labels, labels, strict=True))


def _exposed(url: str) -> Iterator[Mapping[str, str]]:
    """Yield the labels of each series that is exposed."""
    from prometheus_client.parser import text_string_to_metric_families

    if urlsplit(url).scheme not in ("http", "https"):
        raise UsageError(f"--url: {url!r} is not an http:// or https:// URL")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310 - http, as just checked
            text = response.read().decode("utf-8")
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if not sample.name.endswith("_bucket"):
                    yield sample.labels
    except urllib.error.HTTPError as error:
        raise UsageError(f"--url: {url} answers {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise UsageError(f"--url: {url} does not answer: {error}") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise UsageError(f"--url: {url} does not answer with metrics") from error
