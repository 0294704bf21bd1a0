"""Every entry for what comes from outside.

A target takes any bytes and returns, or raises what breaks a promise: its own exception, or any
that the entry let through.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tests.fuzz import answers, configuration, evidence, growth, requests

Target = Callable[[bytes], None]

TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        **answers.TARGETS,
        **requests.TARGETS,
        **configuration.TARGETS,
        **evidence.TARGETS,
        **growth.TARGETS,
    }
)
"""By name, which is that of the folder of its corpus."""
