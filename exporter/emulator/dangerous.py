"""What a collector must never call although most of it is a GET (the API notes, section 1, point 4).

They work here as they do there: they hand out credentials, or they change the account. The
emulator counts them, so that a test can prove that nobody called.
"""

from exporter.emulator import names
from exporter.emulator.calls import Answer, Call, Refusal
from exporter.emulator.deeds import Deeds
from exporter.emulator.listings import Desk
from exporter.emulator.times import iso


def revert(desk: Desk, _call: Call, id_: str, version: str) -> Answer:
    """A GET that rolls an agent back: afterwards it is another version of the agent."""
    agent = desk.account.agents.get(id_)
    if agent is None:
        raise Refusal(404, "Agent not found")
    newer = Deeds(desk.account).redeploy_agent(agent, desk.now)
    document = {
        "id": version,
        "version": newer.version,
        "origin": newer.version,
        "createdAt": iso(newer.created_at),
        "updatedAt": iso(newer.updated_at),
        "agent_id": newer.id,
        "source": f"{names.SOURCE}{newer.id}",
    }
    return Answer({"data": document})


def guest_token(_desk: Desk, _call: Call, _id: str) -> Answer:
    return Answer({"data": {"token": f"{names.TOKEN}guest", "valid": True}})


def subscription(desk: Desk, _call: Call) -> Answer:
    document = {
        "accountId": desk.account.id,
        "subscribeKey": f"{names.SECRET}subscribe",
        "ttl": 60,
        "token": f"{names.TOKEN}subscription",
    }
    return Answer({"data": document})


def api_keys(desk: Desk, call: Call) -> Answer:
    key = {
        "id": "us_key_00000000",
        "type": "SECRET",
        "rawKey": f"sk_{names.SECRET}key",
        "environmentId": desk.known(call.required("environmentId")),
        "operations": [],
        "createdAt": iso(desk.account.created_at),
    }
    return Answer({"data": [key]})


def secrets(desk: Desk, _call: Call) -> Answer:
    secret = {"id": "us_sec_00000000", "name": "api-key", "value": f"{names.SECRET}value"}
    return Answer({"data": [secret | {"environmentId": next(iter(desk.account.environments)).id}]})


def personal_tokens(desk: Desk, _call: Call) -> Answer:
    created = iso(desk.account.created_at)
    return Answer({"data": [{"id": "us_pat_00000000", "name": "exporter", "createdAt": created}]})


def acknowledge(desk: Desk, _call: Call, id_: str) -> Answer:
    if not desk.account.history.acknowledge(id_):
        raise Refusal(404, "Event not found")
    return Answer({"data": {"success": True}})
