"""Everything that can be done over the control interface, as JSON in and JSON out.

A lever raises KeyError for what does not exist and ValueError for what makes no sense.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from exporter.emulator import switches
from exporter.emulator.faults import Fault, WrongFault
from exporter.emulator.quirks import WrongQuirk
from exporter.emulator.times import iso

if TYPE_CHECKING:
    from exporter.emulator.api import Emulator

Values = Mapping[str, Any]
Lever = Callable[..., Any]


def _truth(emulator: "Emulator", values: Values) -> Any:
    """Numbers, and with `events=1` every event kept (since `since`, Unix seconds)."""
    world = emulator.world
    document = asdict(world.truth())
    document["tokens_minted"] = emulator.credentials.minted
    document["requests"] = len(emulator.requests)
    document["dangerous_calls"] = [asdict(request) for request in emulator.dangerous_calls]
    if values.get("events"):
        wanted = values.get("environmentId") or None
        document["event_list"] = [
            {
                "id": event.id,
                "environment_id": event.environment_id,
                "topic": event.topic,
                "created_at": event.created_at,
                "createdAt": iso(event.created_at),
            }
            for event in world.events(float(values.get("since", 0)), wanted)
        ]
    return document


def _requests(emulator: "Emulator", values: Values) -> Any:
    since = float(values.get("since", 0))
    return [asdict(request) for request in emulator.requests if request.at >= since]


def _deploy_agent(emulator: "Emulator", values: Values, id_: str) -> Any:
    """`silent` leaves out the event that Flatfile would send; also below."""
    environment = emulator.world.environment(id_)
    slug, silent = str(values.get("slug", "default")), _is_on(values, "silent")
    return {"id": emulator.world.deploy_agent(environment.id, slug, silent=silent).id}


def _delete_agent(emulator: "Emulator", values: Values, id_: str) -> Any:
    if not emulator.world.delete_agent(id_, silent=_is_on(values, "silent")):
        raise KeyError(id_)
    return {"deleted": 1}


def _redeploy_agent(emulator: "Emulator", values: Values, id_: str) -> Any:
    agent = emulator.world.redeploy_agent(id_, silent=_is_on(values, "silent"))
    if agent is None:
        raise KeyError(id_)
    return {"id": agent.id}


def _delete_agents(emulator: "Emulator", values: Values, id_: str) -> Any:
    environment = emulator.world.environment(id_)
    system = bool(values.get("system"))
    return {"deleted": emulator.world.delete_agents(environment.id, system=system)}


def _restore_agents(emulator: "Emulator", _: Values, id_: str) -> Any:
    environment = emulator.world.environment(id_)
    return {"ids": [agent.id for agent in emulator.world.restore_agents(environment.id)]}


def _create_environment(emulator: "Emulator", values: Values) -> Any:
    is_prod = _is_on(values, "is_prod")
    environment = emulator.world.create_environment(str(values.get("name", "")), is_prod=is_prod)
    return {"id": environment.id, "name": environment.name}


def _delete_environment(emulator: "Emulator", _: Values, id_: str) -> Any:
    emulator.world.delete_environment(emulator.world.environment(id_).id)
    return {"deleted": 1}


def _create_space(emulator: "Emulator", values: Values) -> Any:
    environment = emulator.world.environment(str(values["environment_id"]))
    return {"id": emulator.world.create_space(environment.id, str(values.get("name", ""))).id}


def _change_space(emulator: "Emulator", _: Values, id_: str, deed: str) -> Any:
    world = emulator.world
    {"archive": world.archive_space, "expire": world.expire_space, "delete": world.delete_space}[
        deed
    ](id_)
    return {"id": id_}


def _add_user(emulator: "Emulator", _: Values) -> Any:
    return {"id": emulator.world.add_user().id}


def _add_guest(emulator: "Emulator", values: Values) -> Any:
    """To the Spaces of `space_ids`, a list or one of them."""
    wanted = values["space_ids"]
    ids = [wanted] if isinstance(wanted, str) else list(map(str, wanted))
    if not ids:
        raise ValueError("space_ids is empty")
    return {"id": emulator.world.add_guest(*ids)}


def _rename_person(emulator: "Emulator", values: Values, kind: str, id_: str) -> Any:
    """Any of `name` and `email`; another canary without either."""
    world = emulator.world
    rename = world.rename_user if kind == "users" else world.rename_guest
    given = {key: str(values[key]) for key in ("name", "email") if key in values}
    return {"id": rename(id_, **given).id}


def _remove_person(emulator: "Emulator", _: Values, kind: str, id_: str) -> Any:
    world = emulator.world
    if not (world.remove_user(id_) if kind == "users" else world.remove_guest(id_)):
        raise KeyError(id_)
    return {"deleted": 1}


def _list_faults(emulator: "Emulator", _: Values) -> Any:
    return [fault.as_json() for fault in emulator.faults]


def _set_faults(emulator: "Emulator", values: Any) -> Any:
    """Replaces all of them by the list given; one object alone is a list of one."""
    given = values if isinstance(values, list) else [values]
    if not all(isinstance(one, dict) for one in given):
        raise WrongFault("a list of objects is wanted")
    emulator.faults.set([Fault.from_json(one) for one in given])
    return _list_faults(emulator, {})


def _clear_faults(emulator: "Emulator", _: Values) -> Any:
    emulator.faults.clear()
    return []


def _show_quirks(emulator: "Emulator", _: Values) -> Any:
    return emulator.quirks.as_json()


def _set_quirks(emulator: "Emulator", values: Any) -> Any:
    if not isinstance(values, dict):
        raise WrongQuirk("an object is wanted")
    emulator.quirks.set(values)
    return emulator.quirks.as_json()


def _reset_quirks(emulator: "Emulator", _: Values) -> Any:
    emulator.quirks.reset()
    return emulator.quirks.as_json()


def _revoke(emulator: "Emulator", _: Values) -> Any:
    return {"revoked": emulator.credentials.revoke()}


def _set_credentials(emulator: "Emulator", values: Any) -> Any:
    """Any of `client_id`, `secret`, `pat` (texts) and `refused` (true or false)."""
    kinds = {"client_id": str, "secret": str, "pat": str, "refused": bool}
    for name, value in values.items():
        if name not in kinds or not isinstance(value, kinds[name]):
            raise WrongQuirk(f"{name} does not fit")
    for name, value in values.items():
        setattr(emulator.credentials, name, value)
    return {"refused": emulator.credentials.refused}


def _add_events(emulator: "Emulator", values: Values) -> Any:
    wanted = values.get("environment_id")
    added = emulator.world.add_events(
        int(values.get("count", 1)),
        environment_id=emulator.world.environment(str(wanted)).id if wanted else None,
        topic=values.get("topic") or None,
        spread=float(values.get("spread", 0)),
        at=values.get("at"),
        actor_id=values.get("actor_id") or None,
    )
    return {"ids": added}


def _add_strange_events(emulator: "Emulator", values: Values) -> Any:
    home = emulator.world.environment(str(values["environment_id"])).id
    return {"ids": list(emulator.world.add_strange_events(home).values())}


def _add_events_of_actors(emulator: "Emulator", values: Values) -> Any:
    home = emulator.world.environment(str(values["environment_id"])).id
    return {"actors": emulator.world.add_events_of_actors(home)}


def _forget_events(emulator: "Emulator", values: Values) -> Any:
    """Those before `before`, Unix seconds; by default all that there are."""
    world = emulator.world
    world.forget_events(float(values.get("before", world.now())))
    return {"forgotten_before": world.account.history.forgotten_before}


def _switch(emulator: "Emulator", _: Values, name: str, way: str) -> Any:
    switches.BY_NAME[name].turn(emulator, on=way == "on")
    return {name: way == "on"}


def _is_on(values: Values, name: str) -> bool:
    """A box that is ticked, in JSON or in a form."""
    return values.get(name) in {True, "on", "true"}


LEVERS: tuple[tuple[str, str, Lever], ...] = (
    ("GET", "truth", _truth),
    ("GET", "requests", _requests),
    ("POST", "agents/([^/]+)/delete", _delete_agent),
    ("POST", "agents/([^/]+)/redeploy", _redeploy_agent),
    ("POST", "environments/([^/]+)/agents", _deploy_agent),
    ("POST", "environments", _create_environment),
    ("POST", "environments/([^/]+)/delete", _delete_environment),
    ("POST", "environments/([^/]+)/agents/delete", _delete_agents),
    ("POST", "environments/([^/]+)/agents/restore", _restore_agents),
    ("POST", "spaces", _create_space),
    ("POST", "spaces/([^/]+)/(archive|expire|delete)", _change_space),
    ("POST", "users", _add_user),
    ("POST", "guests", _add_guest),
    ("POST", "(users|guests)/([^/]+)/rename", _rename_person),
    ("POST", "(users|guests)/([^/]+)/delete", _remove_person),
    ("GET", "faults", _list_faults),
    ("POST", "faults", _set_faults),
    ("DELETE", "faults", _clear_faults),
    ("GET", "quirks", _show_quirks),
    ("POST", "quirks", _set_quirks),
    ("DELETE", "quirks", _reset_quirks),
    ("POST", "tokens/revoke", _revoke),
    ("POST", "credentials", _set_credentials),
    ("POST", "events", _add_events),
    ("POST", "events/strange", _add_strange_events),
    ("POST", "events/actors", _add_events_of_actors),
    ("POST", "events/forget", _forget_events),
    ("POST", "switches/([a-z]+)/(on|off)", _switch),
)
