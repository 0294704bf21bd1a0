"""An emulated Flatfile account, for the demo and for the tests.

It imports nothing of the exporter, so that it cannot agree with the exporter's mistakes.
"""

from exporter.emulator.api import Emulator
from exporter.emulator.faults import Fault
from exporter.emulator.quirks import Quirks
from exporter.emulator.scale import DEMO, Scale
from exporter.emulator.world import World

__all__ = ["DEMO", "Emulator", "Fault", "Quirks", "Scale", "World"]
