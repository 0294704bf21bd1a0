"""The look of the page: system fonts, two colour schemes, a contrast of at least 7 to 1 for text."""

import base64
import hashlib

SHEET = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #4a525c; --paper: #fff; --line: #c9d1d9;
  --bad: #8f1018; --bad-paper: #fdecec; --good: #0b5226; --wait: #6b4300; --link: #0a4a94; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf1; --soft: #b3bcc6; --paper: #14181d;
  --line: #3b444e; --bad: #ffb0ab; --bad-paper: #3a1618; --good: #93e2ac; --wait: #f3cd84;
  --link: #a3cbff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 86rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
a { color: var(--link); }
.state { font-size: 1.25rem; font-weight: 600; margin: .75rem 0 .25rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .wait { color: var(--wait); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .25rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem .35rem;
  border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
thead th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 600; }
tr.alarm > * { background: var(--bad-paper); }
small { color: var(--soft); font-size: .85rem; }
td small, td time, td strong { white-space: nowrap; }
dl { display: grid; grid-template-columns: fit-content(50%) 1fr; gap: .25rem 1rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; list-style: none; }
code { font-size: .9em; }
"""

_HASH = base64.b64encode(hashlib.sha256(SHEET.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy: this style sheet and an empty icon, and nothing else."""
