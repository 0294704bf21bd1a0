"""The chart: rendered by the real helm, judged by published schemas, and by what it is for."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate  # type: ignore[import-untyped]  # it has none
import pytest
import yaml

from exporter import __version__, deployment
from exporter.rules import Alert, groups
from exporter.settings import resolve
from tests.deploy.chart import CHART, KUBERNETES, Helm, Refused, custom, leaves, standalone
from tests.rules.promtool import run

VALUES = sorted((Path(__file__).parent / "values").glob("*.yaml"))
CUSTOM = {"ServiceMonitor": "servicemonitors.yaml", "PrometheusRule": "prometheusrules.yaml"}
MONITORED = ["serviceMonitor.enabled=true", "prometheusRule.enabled=true", "demo=true"]
USER = 65532

Tool = Callable[[str], str]
Schema = Callable[[str], Path]


def of(name: str) -> Path:
    return Path(__file__).parent / "values" / f"{name}.yaml"


@pytest.fixture
def helm(root: Path, tool: Tool) -> Helm:
    return Helm(tool("helm"), root)


def test_the_copies_in_the_chart_are_what_make_generate_writes(root: Path) -> None:
    for path, content in deployment.generated(root):
        stale = f"{path} is stale: make generate"
        assert (root / path).is_file(), stale
        assert (root / path).read_text(encoding="utf-8") == content, stale
    assert deployment.left_over(root) == ()


def test_a_copy_whose_dashboard_is_no_more_is_named(tmp_path: Path) -> None:
    for folder, names in {
        deployment.SOURCE: ("a.json",),
        deployment.DASHBOARDS: ("a.json", "b.json"),
    }.items():
        (tmp_path / folder).mkdir(parents=True)
        for name in names:
            (tmp_path / folder / name).write_text("{}", encoding="utf-8")
    assert deployment.left_over(tmp_path) == (deployment.DASHBOARDS / "b.json",)


def test_the_chart_installs_the_version_that_it_belongs_to(root: Path) -> None:
    chart = yaml.safe_load((root / CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["appVersion"] == __version__


def test_the_schema_knows_each_value_and_no_other(root: Path) -> None:
    values = yaml.safe_load((root / CHART / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads((root / CHART / "values.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(values)

    def known(part: Mapping[str, Any], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        found = set()
        for name, below in part.get("properties", {}).items():
            found |= known(below, (*path, name)) or {(*path, name)}
        return found

    free = {path for path in leaves(values) if path[0] in {"podSecurityContext", "securityContext"}}
    free |= {
        path for path in leaves(values) if path[0] == "resources" or path[-2:-1] == ("labels",)
    }
    optional = {path for path in known(schema) if path[0] == "probes"} | {("global",)}
    written = {path for path in leaves(values) if path not in free}
    assert written <= known(schema)
    missing = known(schema) - written - optional
    assert {path[0] for path in missing} <= {
        "podSecurityContext",
        "securityContext",
        "resources",
        "dashboards",
    }


@pytest.mark.peers
@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_helm_lint_finds_nothing_wrong(helm: Helm, values: Path) -> None:
    code, said = helm.lint(values)
    assert code == 0, said


@pytest.mark.peers
@pytest.mark.parametrize("kubernetes", KUBERNETES)
@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_what_comes_out_is_what_kubernetes_and_the_operator_take(
    helm: Helm, schema: Schema, values: Path, kubernetes: str
) -> None:
    rendered = helm.render(values, kubernetes=kubernetes)
    assert len(rendered.objects) >= 2
    for one in rendered.objects:
        if one["kind"] in CUSTOM:
            jsonschema.validate(one, custom(schema(CUSTOM[one["kind"]]), "v1"))
        else:
            kubernetes_validate.validate(one, kubernetes, strict=True)


@pytest.mark.peers
@pytest.mark.parametrize("values", [of("everything"), of("inline")], ids=lambda path: path.stem)
def test_kubeconform_agrees(
    helm: Helm, tool: Tool, schema: Schema, values: Path, tmp_path: Path
) -> None:
    rendered = helm.render(values)
    carried = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    for one in rendered.objects:
        kind = one["kind"]
        if kind in CUSTOM:
            made = json.dumps(custom(schema(CUSTOM[kind]), "v1"))
        else:
            made = standalone(carried / "v1.31.0-local-strict", kind, one["apiVersion"])
        (tmp_path / f"{kind.lower()}.json").write_text(made, encoding="utf-8")
    command = [tool("kubeconform"), "-strict", "-summary"]
    command += [f"-schema-location={tmp_path}/{{{{.ResourceKind}}}}.json"]
    done = subprocess.run(command, input=rendered.text, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Skipped: 0" in done.stdout


@pytest.mark.peers
@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_the_exporter_accepts_the_configuration_that_it_is_given(
    helm: Helm, values: Path, tmp_path: Path
) -> None:
    rendered = helm.render(values)
    environment = {
        name: value
        for name, value in rendered.environment.items()
        if name.startswith("FLATFILE_EXPORTER_")
    }
    # Secrets and the web configuration are files of the cluster's; stand-ins do.
    for name, value in environment.items():
        if name.endswith("_FILE"):
            there = tmp_path / value.lstrip("/")
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_text("pat_x" if "TOKEN" in name else "{}", encoding="utf-8")
            environment[name] = str(there)
    if rendered.of("ConfigMap") and "FLATFILE_EXPORTER_CONFIG_FILE" in environment:
        (given,) = (
            one for one in rendered.of("ConfigMap") if one["metadata"]["namespace"] == "apps"
        )
        ((name, content),) = given["data"].items()
        path = Path(environment["FLATFILE_EXPORTER_CONFIG_FILE"])
        assert path.name == name
        path.write_text(content, encoding="utf-8")
    if not rendered.environment.get("FLATFILE_EXPORTER_WEB_CONFIG_FILE"):
        settings = resolve({}, environment).settings
        assert [str(one) for one in settings.web.listen_address] == [":10042"]
    mounts = [mount["mountPath"] for mount in rendered.container["volumeMounts"]]
    for name, value in rendered.environment.items():
        if name.endswith("_FILE"):
            assert str(Path(value).parent) in mounts, name


@pytest.mark.peers
@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_every_pod_is_locked_down(helm: Helm, values: Path) -> None:
    rendered = helm.render(values)
    pods = [rendered.pod, *(one["spec"] for one in rendered.of("Pod"))]
    for pod in pods:
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        inside = pod["securityContext"]
        assert (inside["runAsNonRoot"], inside["runAsUser"], inside["fsGroup"]) == (
            True,
            USER,
            USER,
        )
        assert inside["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
    for account in rendered.of("ServiceAccount"):
        assert account["automountServiceAccountToken"] is False
    writable = [
        mount["mountPath"]
        for mount in rendered.container["volumeMounts"]
        if not mount.get("readOnly")
    ]
    assert writable == ["/data"]


@pytest.mark.peers
@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_no_credential_is_in_the_environment_or_the_arguments(helm: Helm, values: Path) -> None:
    container = helm.render(values).container
    given = [name for name in (one["name"] for one in container["env"]) if "_AUTH_" in name]
    assert all(name.endswith("_FILE") for name in given)
    assert "--auth" not in str(container.get("args", ""))


@pytest.mark.peers
def test_an_existing_secret_is_mounted_and_none_is_made(helm: Helm) -> None:
    rendered = helm.render(of("everything"))
    assert rendered.of("Secret") == []
    (volume,) = (one for one in rendered.pod["volumes"] if one["name"] == "credential")
    assert volume["secret"]["secretName"] == "flatfile"
    assert [item["key"] for item in volume["secret"]["items"]] == ["id", "secret"]
    token = helm.render(of("token"))
    assert token.environment["FLATFILE_EXPORTER_AUTH_TOKEN_FILE"].endswith("/personal.access.token")
    assert not [name for name in token.environment if "CLIENT" in name]


@pytest.mark.peers
def test_a_credential_in_the_values_arrives_as_it_was_written(helm: Helm) -> None:
    values = yaml.safe_load(of("inline").read_text(encoding="utf-8"))["auth"]
    rendered = helm.render(of("inline"))
    made = rendered.only("Secret")
    assert made["stringData"] == {
        "client-id": values["clientId"],
        "client-secret": values["clientSecret"],
    }
    assert rendered.text.count("#{{ c }}") == 1, "it is in more places than the Secret"


@pytest.mark.peers
@pytest.mark.parametrize(
    ("sets", "why"),
    [
        ([], "there is no credential"),
        (['auth.clientId="x"'], "are a pair"),
        (['auth.token="pat_x"', 'auth.clientId="x"'], "keep one credential"),
        (['auth.existingSecret="s"', 'auth.token="pat_x"'], "keep one"),
        (['auth.existingSecret="s"', "demo=true"], "takes no credential"),
        (["demo=true", 'config.auth={"token": "pat_x"}'], "does not belong into a ConfigMap"),
        (
            ["demo=true", 'config.web={"listen-address": ":1"}'],
            "listen-address belongs to the chart",
        ),
        (["demo=true", 'config.storage={"path": "/tmp"}'], "set persistence"),
        (["demo=true", "replicas=2", 'persistence.existingClaim="c"'], "cannot share a state"),
        (["demo=true", "shards=2", "replicas=2"], "set replicas to 1"),
        (["demo=true", "shards=2", 'persistence.existingClaim="c"'], "shards cannot share"),
        (["demo=true", "shards=0"], "shards"),
        (["demo=true", 'config.shard="0/2"'], "each pod has its own"),
        (["demo=true", "terminationGracePeriodSeconds=5"], "terminationGracePeriodSeconds"),
        (["demo=true", "serviceMonitor.interval=30"], "serviceMonitor/interval"),
        (["demo=true", 'imagee.tag="x"'], "imagee"),
        (["demo=true", 'image.tagg="x"'], "tagg"),
        (["demo=true", 'image.digest="sha256:1"'], "image/digest"),
        ([*MONITORED, 'fullnameOverride="other"'], "FlatfileExporterDown would never fire"),
        ([*MONITORED, 'prometheusRule.disabled=["FlatfileNothing"]'], "no alert FlatfileNothing"),
        ([*MONITORED, 'prometheusRule.severities={"Other": "page"}'], "no alert Other"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_with_a_reason(helm: Helm, sets: list[str], why: str) -> None:
    with pytest.raises(Refused) as refused:
        helm.render(sets=sets)
    assert why in refused.value.said


@pytest.mark.peers
def test_the_probes_ask_the_right_endpoints(helm: Helm) -> None:
    plain = helm.render(of("minimal")).container
    asked = {
        kind: plain[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")
    }
    assert asked == {
        "startup": {"path": "/-/healthy", "port": "http"},
        "liveness": {"path": "/-/healthy", "port": "http"},
        "readiness": {"path": "/-/ready", "port": "http"},
    }
    # The kubelet has neither password nor certificate.
    guarded = helm.render(of("everything")).container
    for kind, ready in {"startup": False, "liveness": False, "readiness": True}.items():
        command = guarded[f"{kind}Probe"]["exec"]["command"]
        assert command[1:3] == ["-m", "exporter.probe"]
        assert ("--ready" in command) is ready


@pytest.mark.peers
@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_everything_selects_these_pods_and_no_others(helm: Helm, values: Path) -> None:
    rendered = helm.render(values)
    labels = rendered.only("StatefulSet")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        rendered.only("StatefulSet")["spec"]["selector"]["matchLabels"],
        rendered.only("Service")["spec"]["selector"],
        *(one["spec"]["selector"]["matchLabels"] for one in rendered.of("PodDisruptionBudget")),
        *(one["spec"]["podSelector"]["matchLabels"] for one in rendered.of("NetworkPolicy")),
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert selector["app.kubernetes.io/instance"] == "my"
        for other in rendered.of("Pod"):
            assert not selector.items() <= other["metadata"]["labels"].items()
    for monitor in rendered.of("ServiceMonitor"):
        service = rendered.only("Service")["metadata"]
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service["labels"].items()
        assert monitor["spec"]["namespaceSelector"] == {"matchNames": [service["namespace"]]}


@pytest.mark.peers
@pytest.mark.parametrize("release", ["my", "flatfile-exporter", "a" * 53])
@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_names_are_distinct_and_no_longer_than_kubernetes_allows(
    helm: Helm, values: Path, release: str
) -> None:
    sets = ['prometheusRule.jobs=".*"'] if release.startswith("aa") else []
    rendered = helm.render(values, release=release, sets=sets)
    names = [(one["kind"], one["metadata"]["name"]) for one in rendered.objects]
    assert len(set(names)) == len(names)
    for _, name in names:
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name), name
    # The label of a revision is this name and a hash of eleven characters.
    assert len(rendered.only("StatefulSet")["metadata"]["name"]) <= 52


@pytest.mark.peers
def test_the_operator_gets_the_rules_of_this_repository(helm: Helm) -> None:
    rendered = helm.render(sets=MONITORED)
    made = rendered.only("PrometheusRule")["spec"]
    given = [group.document(deployment.IN_A_CLUSTER) for group in groups(deployment.IN_A_CLUSTER)]
    assert made == {"groups": given}


@pytest.mark.peers
def test_rules_are_left_out_renamed_and_pointed_elsewhere_as_asked(helm: Helm) -> None:
    rendered = helm.render(of("everything"))
    rules = {
        rule["alert"]: rule
        for group in rendered.only("PrometheusRule")["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    known = {rule.name for group in groups() for rule in group.rules if isinstance(rule, Alert)}
    assert set(rules) == known - {"FlatfileJobsFailing"}
    lost = rules["FlatfileEnvironmentAgentLost"]
    assert lost["labels"]["severity"] == "page"
    assert lost["annotations"]["runbook_url"] == (
        "https://runbooks.example.org/flatfile/FlatfileEnvironmentAgentLost.md"
    )
    assert rules["FlatfileTokenInvalid"]["labels"]["severity"] == "critical"
    assert 'up{job=~".*flatfile.*|other"}' in rules["FlatfileExporterDown"]["expr"]


@pytest.mark.peers
def test_promtool_finds_nothing_wrong_with_the_rules_of_a_release(
    helm: Helm, tool: Tool, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(
        yaml.safe_dump(helm.render(of("everything")).only("PrometheusRule")["spec"]),
        encoding="utf-8",
    )
    code, said = run(tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", rules)
    assert code == 0, said


@pytest.mark.peers
def test_every_dashboard_arrives_unchanged_for_the_sidecar(helm: Helm, root: Path) -> None:
    rendered = helm.render(of("everything"))
    made = {
        name: content
        for one in rendered.of("ConfigMap")
        if one["metadata"]["labels"].get("grafana_dashboard") == "1"
        for name, content in one["data"].items()
    }
    known = {
        path.name: json.loads(path.read_text(encoding="utf-8"))
        for path in (root / deployment.DASHBOARDS).glob("*.json")
    }
    assert {name: json.loads(content) for name, content in made.items()} == known


@pytest.mark.peers
def test_the_network_is_closed_but_for_scrapes_names_and_flatfile(helm: Helm) -> None:
    def ports(rules: list[Any]) -> list[Any]:
        return [port["port"] for rule in rules for port in rule.get("ports", [])]

    policy = helm.render(of("everything")).only("NetworkPolicy")["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert ports(policy["ingress"]) == ["http"]
    assert policy["ingress"][0]["from"]
    assert ports(policy["egress"]) == [53, 53, 443, 3128, 5432]
    demo = helm.render(of("demo")).only("NetworkPolicy")["spec"]
    assert ports(demo["egress"]) == [53, 53]


@pytest.mark.peers
def test_the_notes_say_what_is_still_to_do(helm: Helm, tmp_path: Path) -> None:
    # Only `helm install` shows notes, and that asks a cluster; so they are a template like others.
    shutil.copytree(helm.root / CHART, tmp_path / CHART)
    templates = tmp_path / CHART / "templates"
    text = (templates / "NOTES.txt").read_text(encoding="utf-8")
    (templates / "_notes.tpl").write_text(f'{{{{define "notes"}}}}{text}{{{{end}}}}', "utf-8")
    (templates / "notes.yaml").write_text('kind: Notes\ntext: {{ include "notes" . | quote }}\n')
    noted = Helm(helm.program, tmp_path)

    bare = noted.render(of("minimal"), sets=["persistence.enabled=false"]).only("Notes")["text"]
    for hint in ("serviceMonitor.enabled", "prometheusRule.enabled", "dashboards.enabled"):
        assert hint in bare
    assert "There is no persistent state" in bare
    assert "The image has no registry" in bare
    registry = 'image.registry="images.example.org"'
    full = noted.render(of("everything"), sets=[registry]).only("Notes")["text"]
    assert "enabled=true" not in full
    assert "https://localhost:10042/" in full
    assert "registry" not in full


@pytest.mark.peers
def test_a_change_of_the_configuration_starts_new_pods(helm: Helm) -> None:
    def stamp(*sets: str) -> object:
        made = helm.render(of("minimal"), sets=sets).only("StatefulSet")
        return made["spec"]["template"]["metadata"]["annotations"]["checksum/config"]

    assert stamp() != stamp('config={"log": {"level": "debug"}}')


@pytest.mark.peers
@pytest.mark.parametrize("kubernetes", KUBERNETES[1:])
def test_each_pod_of_a_sharded_release_gets_its_own_shard(helm: Helm, kubernetes: str) -> None:
    rendered = helm.render(of("minimal"), sets=["shards=3"], kubernetes=kubernetes)
    made = rendered.only("StatefulSet")
    kubernetes_validate.validate(made, kubernetes, strict=True)
    assert made["spec"]["replicas"] == 3
    names = [one["name"] for one in rendered.container["env"]]
    given = {one["name"]: one for one in rendered.container["env"]}
    # Kubernetes fills in only what stands before.
    assert names.index("POD_INDEX") < names.index("FLATFILE_EXPORTER_SHARD")
    label = given["POD_INDEX"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert label == "metadata.labels['apps.kubernetes.io/pod-index']"
    for index in range(3):
        shard = given["FLATFILE_EXPORTER_SHARD"]["value"].replace("$(POD_INDEX)", str(index))
        settings = resolve({}, {"FLATFILE_EXPORTER_SHARD": shard}).settings
        assert (settings.shard.index, settings.shard.count) == (index, 3)


@pytest.mark.peers
def test_a_release_of_one_shard_says_nothing_of_shards(helm: Helm) -> None:
    assert "SHARD" not in helm.render(of("minimal")).text
    assert helm.render(of("everything")).only("StatefulSet")["spec"]["replicas"] == 2


@pytest.mark.peers
def test_shards_are_refused_where_a_pod_cannot_learn_its_number(helm: Helm) -> None:
    with pytest.raises(Refused) as refused:
        helm.render(of("minimal"), sets=["shards=3"], kubernetes="1.27")
    assert "1.28" in refused.value.said


@pytest.mark.peers
def test_a_release_is_rendered_the_same_twice(helm: Helm) -> None:
    # Under another name of the same folder, so that helm is run again.
    again = Helm(helm.program, helm.root / "deploy" / "..")
    assert again.render(of("everything")).text == helm.render(of("everything")).text
