"""What can be chosen at the top of a dashboard, by the names that everybody expects."""

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

from grafana.source.promql import EACH, INFO, of

SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")

_HERE = "flatfile_exporter_build_info"
_LABEL_VALUES, _QUERY_RESULT = 1, 3
"""QueryType of Grafana's Prometheus data source (packages/grafana-prometheus, types.ts)."""


def datasource() -> build.DatasourceVariable:
    return build.DatasourceVariable("datasource").label("Data source").type("prometheus")


def job() -> build.QueryVariable:
    return _several("job", f"label_values({_HERE}, job)")


def instance() -> build.QueryVariable:
    return _several("instance", f'label_values({_HERE}{{job=~"$job"}}, instance)')


def environment() -> build.QueryVariable:
    """Shows names and uses ids. One of the names, while an environment is being renamed."""
    one = f"topk by ({EACH}) (1, {of(INFO)})"
    expr = f"query_result(max by ({EACH}, environment_name) ({one}))"
    return (
        _query(EACH, "Environment", expr, _QUERY_RESULT)
        .regex(r'/environment_id="(?<value>[^"]+)",environment_name="(?<text>.*)"\}/')
        .multi(False)
        .include_all(False)
    )


def runbooks(base: str) -> build.ConstantVariable:
    """Where deploy/runbooks is published. Hidden: it is set once, not chosen."""
    return build.ConstantVariable("runbooks").label("Runbooks").value(base)


def _several(name: str, expr: str) -> build.QueryVariable:
    everything = model.VariableOption(selected=True, text="All", value="$__all")
    return (
        _query(name, name.title(), expr, _LABEL_VALUES)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(everything)
    )


def _query(name: str, label: str, expr: str, kind: int) -> build.QueryVariable:
    query = {"qryType": kind, "query": expr, "refId": "PrometheusVariableQueryEditor-VariableQuery"}
    return (
        build.QueryVariable(name)
        .label(label)
        .query(query)
        .datasource(SOURCE)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    )
