"""The control page: what the emulated account has, with a button for everything that can be done.

No script and nothing from elsewhere; a form for each button.
"""

from html import escape
from typing import TYPE_CHECKING

from exporter.emulator.switches import SWITCHES
from exporter.emulator.times import iso
from exporter.emulator.truth import EnvironmentTruth

if TYPE_CHECKING:
    from exporter.emulator.api import Emulator

# A page of 2,000 environments helps nobody.
_SHOWN = 50

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --on: #c2410c; }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.4rem; margin: .5rem 0 } h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem }
p { margin: .3rem 0 } small { opacity: .75 }
section { border: 1px solid var(--line); border-radius: .6rem; padding: .7rem 1rem; margin: .7rem 0 }
header, li { display: flex; flex-wrap: wrap; gap: .4rem .8rem; align-items: center }
header b { font-size: 1.05rem } ul { list-style: none; margin: .4rem 0 0; padding: 0 }
li { padding: .25rem 0; border-top: 1px solid var(--line) } .push { margin-left: auto }
form { display: inline-flex; gap: .4rem; margin: 0; flex-wrap: wrap }
button, input { font: inherit; padding: .2rem .7rem; border-radius: .4rem;
  border: 1px solid var(--line); background: var(--soft); color: inherit }
button { cursor: pointer } button:hover { border-color: currentColor }
.on { color: var(--on); font-weight: 600 } .none { color: var(--on) }
.mark { border: 1px solid var(--line); border-radius: 1rem; padding: 0 .6rem; font-size: .85rem }
"""


def render(emulator: "Emulator") -> str:
    truth = emulator.world.truth()
    environments = list(truth.environments.values())
    shown = "".join(_environment(emulator, one) for one in environments[:_SHOWN])
    rest = len(environments) - _SHOWN
    more = f"<p>… and {rest} more environments.</p>" if rest > 0 else ""
    switches = "".join(
        f"<li><span{_class(on)}>{escape(switch.title)}{' — on' if on else ''}</span>"
        f'<span class="push">{_button(f"switches/{switch.name}/{_way(on)}", _label(on))}</span></li>'
        for switch in SWITCHES
        for on in (switch.is_on(emulator),)
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Emulated Flatfile account</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><style>{_STYLE}</style></head><body>
<h1>{escape(truth.account_name)} <small>an emulated Flatfile account</small></h1>
<p>{len(environments)} environments, {truth.users} users, {truth.events} events so far;
{len(emulator.requests)} requests answered. <small>{iso(truth.now)}</small></p>
<p>Take an agent away and watch what the exporter says on its next round.</p>
<h2>Environments</h2>{shown}{more}
<section><form method="post" action="/_control/environments">
<input name="name" placeholder="name" aria-label="Name of a new environment" maxlength="60">
<label><input type="checkbox" name="is_prod"> production</label>
<button>Create an environment</button></form></section>
<h2>Disturbances</h2><section><ul>{switches}</ul></section>
<h2>More</h2><section><ul>
<li>Access tokens handed out: {emulator.credentials.minted}
<span class="push">{_button("tokens/revoke", "Revoke them")}</span></li>
<li>A burst of 500 events
<span class="push">{_button("events", "Send it", count="500")}</span></li></ul></section>
</body></html>
"""


def _environment(emulator: "Emulator", one: EnvironmentTruth) -> str:
    agents = "".join(
        f"<li><span>{escape(agent.slug)}</span><small>{agent.id}, version {agent.version}</small>"
        f"{'<span class=mark>system</span>' if agent.is_system else ''}"
        f'<span class="push">{_button(f"agents/{agent.id}/redeploy", "Redeploy")} '
        f"{_button(f'agents/{agent.id}/delete', 'Take away')}</span></li>"
        for agent in emulator.world.account.agents.of(one.id)
    )
    none = "" if one.agents else '<li class="none">No agent is deployed here.</li>'
    path = f"environments/{one.id}"
    return f"""<section><header><b>{escape(one.name)}</b>
{"<span class=mark>production</span>" if one.is_prod else ""}
<small>{one.active_spaces} Spaces, {one.archived_spaces} archived, {one.guests} guests</small>
<span class="push">{_button(path + "/agents/delete", "Take all agents away")}
{_button(path + "/agents/restore", "Give them back")}
{_button(path + "/delete", "Delete")}</span></header><ul>{agents}{none}</ul></section>"""


def _button(action: str, label: str, **values: str) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{value}">' for name, value in values.items()
    )
    return (
        f'<form method="post" action="/_control/{action}">{hidden}<button>{label}</button></form>'
    )


def _class(on: bool) -> str:
    return ' class="on"' if on else ""


def _way(on: bool) -> str:
    return "off" if on else "on"


def _label(on: bool) -> str:
    return "Switch off" if on else "Switch on"
