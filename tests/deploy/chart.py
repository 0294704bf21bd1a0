"""The chart as the real helm renders it, and the published schemas of what comes out."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CHART = Path("deploy/helm/flatfile-exporter")
KUBERNETES = ("1.27", "1.31", "1.34")
"""The oldest that Chart.yaml admits, and two that are newer."""

Object = Mapping[str, Any]


class Refused(Exception):
    """helm rendered nothing, and said why."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


@dataclass(frozen=True)
class Rendered:
    """What one release consists of, with the text it was read from."""

    text: str
    objects: Sequence[Object]

    def of(self, kind: str) -> list[Object]:
        return [one for one in self.objects if one["kind"] == kind]

    def only(self, kind: str) -> Object:
        (found,) = self.of(kind)
        return found

    @property
    def pod(self) -> Object:
        found: Object = self.only("StatefulSet")["spec"]["template"]["spec"]
        return found

    @property
    def container(self) -> Object:
        (found,) = self.pod["containers"]
        return dict(found)

    @property
    def environment(self) -> dict[str, str]:
        return {one["name"]: one["value"] for one in self.container["env"]}


@cache
def _output(command: tuple[str, ...]) -> str:
    """Raises Refused. Each is run once: several tests look at the same release."""
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


@dataclass(frozen=True)
class Helm:
    program: str
    root: Path

    def render(
        self, *values: Path, sets: Sequence[str] = (), release: str = "my", kubernetes: str = "1.31"
    ) -> Rendered:
        """A release in the namespace ``apps``. Raises Refused."""
        command = [self.program, "template", release, str(self.root / CHART)]
        command += ["--namespace", "apps", "--kube-version", kubernetes]
        command += [f"--values={path}" for path in values]
        command += [word for one in sets for word in ("--set-json", one)]
        text = _output(tuple(command))
        return Rendered(text, [one for one in yaml.safe_load_all(text) if one])

    def lint(self, values: Path) -> tuple[int, str]:
        command = [self.program, "lint", "--strict", "--quiet", "--kube-version=1.31"]
        command += [f"--values={values}", str(self.root / CHART)]
        done = subprocess.run(command, capture_output=True, check=False, text=True)
        return done.returncode, done.stdout + done.stderr


def closed(schema: Any) -> Any:
    """The schema of a custom resource as the API server takes it: an unknown field is a mistake.

    https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
    (structural schemas; what they do not name is pruned).
    """
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: closed(one) for name, one in schema.items()}
    if isinstance(made.get("properties"), dict) and "additionalProperties" not in made:
        made["additionalProperties"] = bool(made.get("x-kubernetes-preserve-unknown-fields"))
    if str(made.get("pattern", "")).startswith("^(?i)"):  # as Go writes it, but not Python
        made["pattern"] = "(?i)^" + made["pattern"].removeprefix("^(?i)")
    if made.pop("x-kubernetes-int-or-string", False):
        made.pop("type", None)
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    return made


def custom(definition: Path, version: str) -> dict[str, Any]:
    """The JSON schema in a CustomResourceDefinition."""
    document = yaml.safe_load(definition.read_text(encoding="utf-8"))
    (found,) = [one for one in document["spec"]["versions"] if one["name"] == version]
    made: dict[str, Any] = closed(found["schema"]["openAPIV3Schema"])
    # The schema of a definition leaves this to the API server.
    made["properties"]["metadata"] = {"type": "object"}
    return made


def standalone(folder: Path, kind: str, version: str) -> str:
    """Kubernetes' own schema of a kind without references to other files, as kubeconform has it."""
    group, _, number = version.rpartition("/")
    name = "-".join(part for part in (kind.lower(), group.partition(".")[0], number) if part)
    made = json.loads(_local(folder / f"{name}.json"))
    made["$defs"] = json.loads(_local(folder / "_definitions.json"))["$defs"]
    return json.dumps(made)


def _local(path: Path) -> str:
    return path.read_text(encoding="utf-8").replace("/api/_definitions.json#/", "#/")


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Each key of nested mappings, as a path; an empty mapping is one, too."""
    if isinstance(value, Mapping) and value:
        for name, below in value.items():
            yield from leaves(below, (*path, name))
    else:
        yield path
