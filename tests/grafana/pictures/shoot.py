"""Headless Chromium takes the pictures."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.support.answering import Quiet, answering

CHROMIUM = "/usr/bin/chromium"
_WIDTH, _HEIGHT = 1440, 1000
_COLOURS = 128  # of a picture: a README that loads


class _Files(Quiet, SimpleHTTPRequestHandler):
    """Of a folder."""


def _note(broken: list[str], error: object) -> None:
    broken.append(str(error))


def shoot(site: Path, inputs: Mapping[str, Any], out: Path) -> None:
    """One picture for each input. RuntimeError with what the page complains of."""
    with answering(partial(_Files, directory=str(site))) as url, sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, given in inputs.items():
            (site / "input.js").write_text(f"window.input = {json.dumps(given)};", encoding="utf-8")
            page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
            broken: list[str] = []
            page.on("pageerror", partial(_note, broken))
            now = datetime.fromtimestamp(given["to"] / 1000, UTC)
            page.clock.set_fixed_time(now)  # so that "5 minutes ago" is that
            page.goto(f"{url}/index.html")
            page.wait_for_function("window.done || window.problem", timeout=60_000)
            problem = page.evaluate("window.problem")
            if problem or broken:
                raise RuntimeError("\n".join((name, str(problem), *broken)))
            whole = base64.b64encode(page.locator("#root").screenshot()).decode()
            small = page.evaluate(
                "([png, colours]) => window.shrink(png, colours)", [whole, _COLOURS]
            )
            (out / f"dashboard-{name}.png").write_bytes(base64.b64decode(small))
            page.close()
        browser.close()
