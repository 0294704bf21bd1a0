"""The things of the account as JSON, in the shapes of the API notes, sections 5 to 10.

Optional fields that have no value are absent, or null where the quirk says so; what is sensitive
in the real answers is planted here as a canary.
"""

from typing import Any
from zlib import crc32

from exporter.emulator import names, topics
from exporter.emulator.account import Account
from exporter.emulator.payloads import payload, share
from exporter.emulator.quirks import Quirks
from exporter.emulator.things import Agent, Environment, Event, Execution, Guest, Space, User
from exporter.emulator.times import iso, iso_or_none

Json = dict[str, Any]

_CODE = "export default (listener) => { listener.on('**', (event) => handle(event)); };\n"
_SOURCE_LINES, _MAP_LINES = 40, 100


class Shapes:
    def __init__(self, account: Account, quirks: Quirks) -> None:
        self._account, self._quirks = account, quirks

    def _with(self, required: Json, optional: Json) -> Json:
        if self._quirks.optional_as_null:
            return required | optional
        return required | {key: value for key, value in optional.items() if value is not None}

    def account(self) -> Json:
        a = self._account
        required: Json = {
            "id": a.id,
            "name": a.name,
            "metadata": {},
            "createdAt": iso(a.created_at),
            "updatedAt": iso(a.created_at),
        }
        optional: Json = {
            "subdomain": "fernwood",
            "customFromEmail": f"imports@{names.MAIL_DOMAIN}",
            "stripeCustomerId": f"{names.SECRET}stripe",
            "embeddedDomainWhitelist": [],
            "primaryDomain": None,
            "dashboard": None,
        }
        return self._with(required, optional)

    def environment(self, environment: Environment) -> Json:
        required: Json = {
            "id": environment.id,
            "accountId": self._account.id,
            "name": environment.name,
            "isProd": environment.is_prod,
            "guestAuthentication": ["shared_link", "magic_link"],
            "features": {},
            "metadata": {},
        }
        optional: Json = {"translationsPath": None, "languageOverride": None, "namespaces": None}
        return self._with(required, optional)

    def space(self, space: Space) -> Json:
        author = self._account.users.get(space.created_by or "")
        required: Json = {
            "id": space.id,
            "name": space.name,
            "createdAt": iso(space.created_at),
            "updatedAt": iso(space.updated_at),
            "guestAuthentication": ["shared_link"],
        }
        missing = self._quirks.space_environment_id_missing
        optional: Json = {
            "environmentId": None if missing else space.environment_id,
            "appId": space.app_id,
            "namespace": None,
            "labels": [],
            "metadata": {},
            "archivedAt": iso_or_none(space.archived_at),
            "expiredAt": iso_or_none(space.expired_at),
            "lastActivityAt": iso_or_none(space.last_activity_at),
            "workbooksCount": crc32(space.id.encode()) % 4,
            "filesCount": crc32(space.id.encode()) % 17,
            "createdByUserId": space.created_by,
            "createdByUserName": author and author.name,
            "guestLink": f"https://spaces.example/{space.id}?token={names.SECRET}guest-link",
            "accessToken": f"{names.SECRET}space-{space.id}",
        }
        return self._with(required, optional)

    def agent(self, agent: Agent) -> Json:
        mark = f"// {names.SOURCE}{agent.id}\n"
        required: Json = {
            "id": agent.id,
            "accountId": self._account.id,
            "environmentId": agent.environment_id,
            "createdAt": iso(agent.created_at),
            "updatedAt": iso(agent.updated_at),
        }
        optional: Json = {
            "topics": list(agent.topics),
            "compiler": "js",
            "source": mark + _CODE * _SOURCE_LINES,
            "sourceMap": mark + _CODE * _MAP_LINES,
            "slug": agent.slug,
            "isSystem": agent.is_system,
            "namespace": None,
            "packageVersions": {"@flatfile/listener": "1.1.0"},
        }
        return self._with(required, optional)

    def user(self, user: User) -> Json:
        required: Json = {
            "id": user.id,
            "email": user.email,
            "name": user.name,
            "accountId": self._account.id,
            "idp": "FRONTEGG",
            "metadata": {},
            "createdAt": iso(user.created_at),
            "updatedAt": iso(user.updated_at),
        }
        seen = iso_or_none(user.last_seen_at)
        return self._with(required, {"idpRef": None, "lastSeenAt": seen, "dashboard": None})

    def guest(self, guest: Guest) -> Json:
        spaces: list[Json] = [
            self._with({"id": id_}, {"lastAccessed": None}) for id_ in guest.space_ids
        ]
        return {
            "id": guest.id,
            "environmentId": guest.environment_id,
            "email": guest.email,
            "name": guest.name,
            "spaces": spaces,
            "createdAt": iso(guest.created_at),
            "updatedAt": iso(guest.updated_at),
        }

    def event(self, event: Event) -> Json:
        prefix = topics.prefix(event.topic)
        bare = share(event.id, "context") < self._quirks.event_context_missing
        required: Json = {
            "id": event.id,
            "topic": event.topic,
            "domain": self._quirks.agent_domain
            if prefix == "agent"
            else topics.domain(event.topic),
            "createdAt": iso(event.at),
            "context": self._with(
                {} if bare else self._home(event),
                {
                    "actorId": event.actor_id,
                    "spaceId": event.space_id,
                    "jobId": event.subject if prefix == "job" else None,
                    "fileId": event.subject if prefix == "file" else None,
                    # A filter holds what somebody looked for: values of customers' data.
                    "filters": {"email": f"{names.SECRET}@{names.MAIL_DOMAIN}"}
                    if prefix == "records"
                    else None,
                },
            ),
            "payload": event.payload if event.payload is not None else payload(event, prefix),
        }
        done = event.acknowledged
        optional: Json = {
            "attributes": {},
            "namespaces": [],
            "callbackUrl": "",
            # Links that carry their own permission.
            "dataUrl": f"https://data.example/{event.id}?token={names.TOKEN}data"
            if prefix in {"file", "records"}
            else "",
            "target": None,
            "origin": None,
            "acknowledgedAt": iso(event.at) if done else None,
            "acknowledgedBy": "system" if done else None,
            "deletedAt": None,
        }
        return self._with(required, optional)

    def _home(self, event: Event) -> Json:
        return {"accountId": self._account.id, "environmentId": event.environment_id}

    def execution(self, run: Execution) -> Json:
        required: Json = {
            "eventId": run.event_id,
            "success": run.success,
            "createdAt": iso(run.at),
            "completedAt": iso(run.completed_at),
            "duration": run.duration,
            "topic": run.topic,
        }
        return self._with(required, {"spaceId": run.space_id, "requestCount": None})

    def log(self, run: Execution) -> Json:
        """A DetailedAgentLog: the execution with a context and a log, without a Space."""
        required = self.execution(run)
        required.pop("spaceId", None)
        required.pop("requestCount", None)
        required["context"] = {"spaceId": run.space_id} if run.space_id else {}
        return self._with(required, {"log": None if run.success else f"{names.SECRET}log line"})

    def job(self, event: Event) -> Json:
        required: Json = {
            "id": event.subject,
            "type": "workbook",
            "operation": "submitAction",
            "source": event.space_id or event.environment_id,
            "createdBy": event.actor_id or "",
            "createdAt": iso(event.at),
            "updatedAt": iso(event.at),
        }
        own = {"spaceId": event.space_id, "environmentId": event.environment_id}
        return self._with(required, {"status": "created", "progress": 0, **own})
