"""A Prometheus exporter for Flatfile accounts."""

from importlib.metadata import version

__version__ = version("flatfile-exporter")
