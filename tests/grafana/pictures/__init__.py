"""Pictures of the dashboards, drawn without a Grafana server.

``python -m tests.grafana.pictures`` draws the committed JSON with the panel components, the
transformations and the field options that Grafana publishes, from a history of six hours of the
real exporter, in headless Chromium, into ``.github/dashboard-*.png``.
"""
