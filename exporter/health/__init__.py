"""What the exporter says about itself, measured at each scrape from one frozen value."""

from exporter.health.families import FAMILIES
from exporter.health.vitals import Build, Reload, Vitals

__all__ = ["FAMILIES", "Build", "Reload", "Vitals"]
