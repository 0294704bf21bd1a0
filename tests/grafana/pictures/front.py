"""The page at / of the running demo, soon after an agent was taken away."""

import re
import signal
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.grafana.pictures.shoot import CHROMIUM
from tests.support.processes import EXPORTER, ask, eventually, running

_WIDTH, _HEIGHT = 1280, 1240


def front(folder: Path, picture: Path) -> None:
    """Start the demo, take the agents of staging away, and look."""
    with running([EXPORTER, "demo", "--web.listen-address=127.0.0.1:0"], folder) as demo:
        port = demo.said(r"The exporter\s+http://localhost:(\d+)/", "stdout")[1]
        account = demo.said(r"The emulated account\s+(\S+)/_control/", "stdout")[1]
        page = f"http://127.0.0.1:{port}/"
        _until(page, r"Everything is being collected\.")
        environments = ask(f"{account}/_control/truth").json()["environments"].values()
        (staging,) = [one["id"] for one in environments if one["name"] == "staging"]
        ask(f"{account}/_control/environments/{staging}/agents/delete", "POST")
        _until(page, r"1 environment has lost its agent\.")
        with sync_playwright() as player:
            browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            seen = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
            seen.goto(page)
            seen.screenshot(path=picture)
            browser.close()
        demo.signal(signal.SIGTERM)
        demo.wait()


def _until(page: str, words: str) -> None:
    eventually(lambda: re.search(words, ask(page).text), within=60)
