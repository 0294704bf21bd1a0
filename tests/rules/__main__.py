"""Write the files of scenarios, below the working directory."""

import sys
from pathlib import Path

from tests.rules.files import generated

for path, content in generated():
    target = Path.cwd() / path
    if not target.exists() or target.read_text(encoding="utf-8") != content:
        target.write_text(content, encoding="utf-8")
        sys.stdout.write(f"wrote {path}\n")
