"""The errors of agentgauge, each with one clear line as its text.

* AgentgaugeError
    * UsageError              a decorator or a command used wrongly
    * ConfigurationError      a configuration file or value that cannot be used
    * InvalidRecordError      a line that is not a record
    * SpoolError              a spool or checkpoint that cannot be read or written
    * SourceError             a source of series that does not answer, or answers nonsense
"""


class AgentgaugeError(Exception):
    """Anything agentgauge raises on purpose; its text is one line that says what to do."""


class UsageError(AgentgaugeError):
    """A decorator, a function or a command was used wrongly."""


class ConfigurationError(AgentgaugeError):
    """A configuration file, key or value cannot be used."""


class InvalidRecordError(AgentgaugeError):
    """A line is not a record of a known kind with valid labels and amounts."""


class SpoolError(AgentgaugeError):
    """A spool directory or a checkpoint cannot be used."""


class SourceError(AgentgaugeError):
    """A source of series does not answer, or answers what is not a series."""
