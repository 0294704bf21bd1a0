"""Where a click leads."""

_KEPT = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${__url_time_range}"


def to_environment(environment: str) -> tuple[str, str]:
    """``environment`` is how the panel knows the id, in Grafana's notation."""
    url = f"/d/flatfile-environment?var-environment_id=${{{environment}}}&{_KEPT}"
    return "Open this environment", url


FROM_ROW = to_environment("__data.fields.environment_id")
FROM_SERIES = to_environment("__field.labels.environment_id")
