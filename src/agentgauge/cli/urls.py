"""URLs a user gives on the command line."""

from urllib.parse import urlsplit, urlunsplit

from agentgauge.errors import UsageError


def checked_url(option: str, url: str) -> str:
    """Return an HTTP URL given with an option.

    Raises:
        UsageError: it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{option}: {url!r} is not an http:// or https:// URL")
    return url


def without_password(url: str) -> str:
    """Return a URL as it may be shown: less its user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
