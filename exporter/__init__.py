"""A Prometheus exporter for Flatfile accounts."""

__version__ = "0.1.0"
