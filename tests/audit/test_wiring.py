"""From settings to sinks: what shows only once they are made."""

import subprocess
import sys
from pathlib import Path

from tests.support.processes import environment

CLOSED = """
import sys
from pathlib import Path
from exporter.audit.wiring import sinks
from exporter.errors import ConfigurationError
from exporter.settings.audit import Audit, Sinks, StdoutSink

try:
    sinks(Audit(sink=Sinks(stdout=StdoutSink(enabled="true"))), Path("."), lambda: 0.0)
except ConfigurationError as error:
    sys.exit(str(error))
"""


def test_without_a_standard_output_its_sink_is_a_mistake_and_writes_into_no_other_file() -> None:
    root = Path(__file__).parents[2]
    for closing, said in ((">&-", "audit.sink.stdout"), (">/dev/null", "")):
        ended = subprocess.run(
            ["sh", "-c", f'exec "$0" -c "$1" {closing}', sys.executable, CLOSED],
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=environment({"PYTHONPATH": str(root)}),
        )
        assert ended.returncode == bool(said), ended.stderr
        assert said in ended.stderr
