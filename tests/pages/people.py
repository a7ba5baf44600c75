"""People of the tests: an account for each role at each of two hospitals, and what each needs to ask a server without a browser."""

from __future__ import annotations

import re
import secrets
from functools import cache

import httpx2

from segwright.accounts import directory, sessions
from segwright.accounts.model import ROLES, Account, Grant, Impossible, Role
from segwright.accounts.passwords import hashed
from segwright.ledger.store import Store, Tx
from tests.web.servers import Server

ORG, OTHER = "larkspur", "northgate"
PASSWORD = "a heron stands in shallow water"
LIMITS = sessions.Limits(3_600_000, 3_600_000)


@cache
def password_kept() -> str:
    return hashed(PASSWORD)


class People:
    """The accounts of one server. `role.org` is the name of each; `everyone.org` holds all roles."""

    def __init__(self, server: Server, orgs: tuple[str, ...] = (ORG, OTHER)) -> None:
        self.server = server
        self.store = Store(server.database, connections=2)
        self._clients: list[Client] = []
        for org in orgs:
            for role in ROLES:
                self.person(f"{role}.{org}", (org, role))
            self.person(f"everyone.{org}", *((org, role) for role in ROLES))

    def person(self, name: str, *grants: tuple[str, Role], temporary: bool = False, password: bool = True) -> Account:
        """An account, made once."""
        shown = " ".join(part.capitalize() for part in re.split(r"[.-]", name))
        kept = password_kept() if password else ""

        def make(tx: Tx) -> Account:
            held = [Grant(org, role) for org, role in grants]
            return directory.add(tx, name, shown, kept, held, "test", temporary=temporary)

        try:
            return self.store.write(make)
        except Impossible:
            return self.account(name)

    def account(self, name: str) -> Account:
        return self.store.read(lambda tx: directory.named(tx, name))

    def token(self, name: str, limits: sessions.Limits = LIMITS) -> str:
        """A session of an account, as signing in would make it."""
        token, number = secrets.token_urlsafe(32), self.account(name).id
        self.store.write(lambda tx: sessions.start(tx, token, number, "password", limits))
        return token

    def client(self, name: str = "") -> Client:
        """Asks as an account, or as nobody."""
        made = Client(self.server.url, self.token(name) if name else "")
        self._clients.append(made)
        return made

    def events(self, org: str, kind: str) -> list[dict[str, object]]:
        """What was written down of a kind on an organisation's chain, oldest first: actor, case, delivery and facts."""
        import msgspec
        import sqlalchemy as sa

        from segwright.ledger import tables as t

        where = (t.event.c.chain == f"org:{org}", t.event.c.kind == kind)
        rows = self.store.read(lambda tx: tx.all(sa.select(t.event).where(*where).order_by(t.event.c.number)))
        return [
            {"actor": row.actor, "case": row.case_id, "delivery": row.delivery_id, **msgspec.json.decode(row.facts)}
            for row in rows
        ]

    def close(self) -> None:
        for client in self._clients:
            client.http.close()
        self.store.close()


class Client:
    """A browser without a screen: keeps cookies, sends forms with what every form carries."""

    def __init__(self, url: str, token: str = "") -> None:
        self.http = httpx2.Client(base_url=url, timeout=30, headers={"Accept": "text/html"})
        if token:
            self.http.cookies.set("segwright", token)

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.http.get(path, headers=headers)

    def post(
        self, path: str, form: dict[str, object] | None = None, *, csrf: str | None = None, **headers: str
    ) -> httpx2.Response:
        """Posts a form, with the hidden field as a page of ours has it."""
        given = self.csrf() if csrf is None else csrf
        return self.http.post(path, data={"csrf": given, **(form or {})}, headers=headers)

    def csrf(self) -> str:
        """What the hidden field holds for this browser."""
        page = self.http.get("/account")
        if page.status_code == 303:
            page = self.http.get("/sign-in")
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)
        assert found, page.text
        return found[1]
