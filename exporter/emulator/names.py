"""Names for the things of the account: ordinary for what may be shown, canaries for what may not.

Every e-mail address, personal name, secret and piece of source carries a mark, so that a test can
look for the marks in whatever the exporter writes.
"""

from random import Random

SECRET = "CANARY-SECRET-"
SOURCE = "CANARY-SOURCE-"
TOKEN = "CANARY-TOKEN-"
PERSON = "Canaryname"
MAIL_DOMAIN = "canary-mail.example"
MARKS = (SECRET, SOURCE, TOKEN, PERSON, MAIL_DOMAIN)

ENVIRONMENTS = ("production", "development", "staging", "eu-production", "sandbox")
AGENT_SLUGS = ("default", "importer", "webhooks", "validation", "enrichment", "exports", "dedupe")
SYSTEM_SLUGS = ("constraints", "autobuild", "automap", "autocast")

_FIRST = ("Ada", "Björn", "Chiara", "Dmitri", "Élodie", "Femi", "Grace", "Hana", "Iker", "Jun")
_COMPANIES = (
    *("Northwind", "Alder & Sons", "Bluefin", "Cobalt Freight", "Dunmore", "Eastgate", "Fjordline"),
    *("Granite Supply", "Harbour Foods", "Ironbark", "Juniper Health", "Kestrel", "Lumen Retail"),
    *("Meridian", "Nimbus Air", "Orchard", "Pinewood", "Quarry Bank", "Riverside", "Solstice"),
)
_CARGO = ("products", "employees", "price list", "invoices", "contacts", "inventory", "orders")
_TEAMS = ("billing", "catalog", "claims", "crm", "finance", "fleet", "hr", "orders", "returns")
_STAGES = ("production", "staging", "development", "test")


def environment(number: int) -> str:
    """The name of environment `number` (from 0); unique."""
    if number < len(ENVIRONMENTS):
        return ENVIRONMENTS[number]
    rest = number - len(ENVIRONMENTS)
    team, stage = divmod(rest, len(_STAGES))
    round_, team = divmod(team, len(_TEAMS))
    suffix = f"-{round_ + 1}" if round_ else ""
    return f"{_TEAMS[team]}{suffix}-{_STAGES[stage]}"


def is_production(name: str) -> bool:
    return name.endswith("production")


def space(dice: Random) -> str:
    return f"{dice.choice(_COMPANIES)} {dice.choice(_CARGO)} {dice.randint(2023, 2026)}"


def person(number: int) -> tuple[str, str]:
    """Name and e-mail address of person `number`, both of them canaries."""
    return f"{_FIRST[number % len(_FIRST)]} {PERSON} {number}", f"person{number}@{MAIL_DOMAIN}"
