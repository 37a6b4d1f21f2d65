"""The agent's exceptions.

AgentError
├── ConfigurationError   what the person who started the agent has to mend; it ends the agent
├── Refused              the server said no; it ends the agent when it happens at the start
├── Unreachable          the server can't be reached or broke the connection; the agent tries again
└── UpstreamError        the cluster's API server can't be reached or broke off
"""

from __future__ import annotations


class AgentError(Exception):
    """Base; its text is one line for the log."""


class ConfigurationError(AgentError):
    pass


class Refused(AgentError):
    pass


class Unreachable(AgentError):
    pass


class UpstreamError(AgentError):
    pass
