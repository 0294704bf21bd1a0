"""The dashboards: a typed source, and the JSON that Grafana 11 and 12 import.

``python -m grafana`` writes ``grafana/dashboards``; a test fails when that is stale.
"""
