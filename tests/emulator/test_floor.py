"""The emulator must not be able to agree with the exporter's mistakes."""

import ast
from pathlib import Path

import exporter.emulator


def test_the_emulator_imports_nothing_else_of_the_exporter() -> None:
    folder = Path(exporter.emulator.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                names = [node.module or ""]
            for name in names:
                own = name.startswith("exporter.emulator")
                assert own or not name.startswith("exporter"), f"{path.name} imports {name}"
                assert name.partition(".")[0] not in {"pydantic", "httpx"}, path.name
