"""What to ask, one module a thing: what was seen, how to look, and its families.

To add one: write its module with a ``COLLECTOR`` at the end (``users`` is the shortest to read),
name it in ``exporter.catalog`` and give it an interval in the settings.
"""
