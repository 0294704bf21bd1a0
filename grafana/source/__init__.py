"""The typed source of the dashboards, on the schema's own builders (grafana-foundation-sdk)."""
