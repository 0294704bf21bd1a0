"""What was seen, as bytes: text format 0.0.4 and OpenMetrics 1.0.0, plain and gzipped.

``text`` turns one family into lines, ``fragment`` a collector's families into bytes that are made
once, ``gzip`` joins what was compressed apart into one stream, ``accept`` reads what a scraper
asks for, ``pages`` keeps it all together.
"""

from exporter.exposition.accept import Format
from exporter.exposition.pages import Exposition, Page, UnknownCollector

__all__ = ["Exposition", "Format", "Page", "UnknownCollector"]
