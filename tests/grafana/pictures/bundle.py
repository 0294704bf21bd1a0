"""Grafana's published components, installed and bundled into a cache of their own."""

import shutil
import subprocess
import sys
from pathlib import Path

_SOURCE = Path(__file__).with_name("web")
_COMMONJS = ("@grafana/data", "@grafana/ui")
"""By their other build: from a file that ends in .mjs, esbuild imports an older package's default
export as Node.js does, and these expect what a browser's bundler gives them."""
_LOADERS = {"svg": "dataurl", "woff2": "dataurl", "woff": "empty", "ttf": "empty"}


def bundled(cache: Path) -> Path:
    """The folder of the finished page. Downloads half a gigabyte once; SystemExit without npm."""
    if shutil.which("npm") is None:
        sys.exit("npm is not installed: apt-get install nodejs npm")
    cache.mkdir(parents=True, exist_ok=True)
    shutil.copytree(_SOURCE, cache, dirs_exist_ok=True)
    lock, installed = cache / "package-lock.json", cache / "node_modules" / ".installed"
    wanted = lock.read_text(encoding="utf-8")
    if not installed.exists() or installed.read_text(encoding="utf-8") != wanted:
        # Scripts of packages are not run: nothing here needs one.
        subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=cache, check=True)
        installed.write_text(wanted, encoding="utf-8")
    out = cache / "out"
    subprocess.run(
        [
            *(
                "node_modules/.bin/esbuild",
                "render.jsx",
                "--bundle",
                "--minify",
                "--log-level=error",
            ),
            *("--jsx=automatic", f"--outfile={out / 'render.js'}"),
            '--define:process.env.NODE_ENV="production"',
            *(f"--alias:{name}=./node_modules/{name}/dist/cjs/index.cjs" for name in _COMMONJS),
            *(f"--loader:.{ending}={loader}" for ending, loader in _LOADERS.items()),
        ],
        cwd=cache,
        check=True,
    )
    shutil.copy(cache / "index.html", out)
    icons = cache / "node_modules/@grafana/ui/dist/public"
    shutil.copytree(icons, out / "public" / "build", dirs_exist_ok=True)
    return out
