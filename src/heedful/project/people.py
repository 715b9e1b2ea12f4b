"""The people of a project: links, passwords, sessions, tokens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from heedful.ledger.line import one_line
from heedful.ledger.refusal import RefusedError

if TYPE_CHECKING:
    from heedful.ledger.audit import Audit
    from heedful.ledger.database import Database
    from heedful.ledger.link import Link, Links
    from heedful.ledger.login import Login, Logins
    from heedful.ledger.person import People as Rows
    from heedful.ledger.person import Person
    from heedful.ledger.throttle import Throttle
    from heedful.ledger.token import Tokens
    from heedful.project.project import Project

HEEDFUL = "heedful"
"""Who did what nobody asked for."""


@dataclass(frozen=True)
class People:
    """The people of a project."""

    project: Project

    @property
    def _database(self) -> Database:
        return self.project.ledger

    @property
    def _audit(self) -> Audit:
        return self.project.audit

    @cached_property
    def _rows(self) -> Rows:
        from heedful.ledger.person import People as Rows

        return Rows(self._database, self._audit)

    @cached_property
    def _links(self) -> Links:
        from heedful.ledger.link import Links

        return Links(self._database)

    @cached_property
    def _logins(self) -> Logins:
        from heedful.ledger.login import Logins

        return Logins(self._database)

    @cached_property
    def _throttle(self) -> Throttle:
        from heedful.ledger.throttle import Throttle

        return Throttle(self._database)

    @cached_property
    def tokens(self) -> Tokens:
        """Tokens of programs: `make`, `all`, `revoke`, and `person` for the secret of one."""
        from heedful.ledger.token import Tokens

        return Tokens(self._database, self._audit)

    def all(self, *, closed: bool = False) -> list[Person]:
        """Everyone, by e-mail; with `closed` also those who were shut out."""
        return self._rows.all(closed=closed)

    def get(self, email: str) -> Person:
        """The person with an e-mail address.

        Raises:
            NotFoundError: Nobody who can log in has it.
        """
        from heedful.definitions.problem import one_of
        from heedful.project.missing import NotFoundError

        found = self._rows.find(email)
        if found is None or found.closed_at is not None:
            known = [each.email for each in self.all()]
            hint = one_of(known, email) if known else "let someone in: heedful person invite EMAIL"
            raise NotFoundError(f'nobody has the e-mail "{email}"', hint)
        return found

    def first_link(self) -> str | None:
        """The secret of a link that makes its user the first admin; None where there is an admin.

        Of several, only the newest works.
        """
        with self._database.begin() as connection:
            if self._rows.has_admin(connection):
                return None
            secret = self._links.make(None, "admin", connection)
            self._audit.add(HEEDFUL, "made", "the first link", connection=connection)
        return secret

    def link(self, email: str, role: str, by: str) -> str:
        """The secret of a link that lets one person in, or lets them choose a new password.

        Args:
            email: Whom.
            role: What they will be; who can log in already keeps the role they have.
            by: Who invites them.

        Raises:
            RefusedError: That is no address or no role.
        """
        from heedful.ledger.person import address, known_role

        wanted, whom = known_role(role), address(email)
        with self._database.begin() as connection:
            there = self._rows.find(whom, connection)
            if there is not None and there.closed_at is None:
                wanted = there.role
            secret = self._links.make(whom, wanted, connection)
            self._audit.add(by, "invited", f"person {whom}", wanted, connection=connection)
        return secret

    def invited(self, link: str) -> Link | None:
        """What a link's secret stands for, while it works."""
        found = self._links.find(link)
        if found is None or found.email is not None:
            return found
        with self._database.begin() as connection:
            return None if self._rows.has_admin(connection) else found

    def enter(self, link: str, name: str, email: str, password: str) -> str:
        """Use up a link: make the person it is for, or give them a new password; log them in.

        Args:
            link: Its secret.
            name: What to call them.
            email: Their address; that of the link where it has one.
            password: The password they choose.

        Returns:
            The secret of a session.

        Raises:
            RefusedError: The link works no more, or something about the rest is wrong; in that
                case it still works.
        """
        from heedful.ledger import password as passwords
        from heedful.ledger.person import address

        dead = RefusedError("this link was used, or is too old; ask for a new one")
        found = self.invited(link)
        if found is None:
            raise dead
        name, whom = one_line(name), address(email)
        if not name or len(name) > 200:
            raise RefusedError("the name is empty or too long; allowed: 1 to 200 characters")
        if found.email is not None and whom != found.email:
            raise RefusedError(f"this link is for {found.email}")
        passwords.acceptable(password, whom)
        kept = passwords.kept(password)
        with self._database.begin() as connection:
            used = self._links.use(link, connection)
            if used is None or (used.email is None and self._rows.has_admin(connection)):
                raise dead
            person = self._rows.find(whom, connection)
            if person is None:
                person = self._rows.add(whom, name, used.role, kept, connection)
                verb = "came in"
            elif used.email is None and person.closed_at is None:
                raise RefusedError(f"{whom} can log in already")
            else:
                # Who can log in has the role they have now, not that of when the link was made.
                role = used.role if person.closed_at else person.role
                values = {"name": name, "role": role, "password": kept, "closed_at": None}
                self._rows.set(person, connection, **values)
                # Whoever forgot a password may have lost a device too.
                self._logins.end_all(person, connection)
                verb = "came back" if person.closed_at else "chose a new password"
            secret = self._logins.make(person, connection)
            self._audit.add(whom, verb, f"person {whom}", connection=connection)
        self._throttle.passed(whom)
        return secret

    def log_in(self, email: str, password: str) -> str | None:
        """The secret of a session for the right password; None for whatever is wrong.

        Raises:
            ThrottledError: Too many wrong passwords came for this address, whether there is
                anyone with it or not.
        """
        from heedful.ledger import password as passwords

        email = email.strip().lower()
        self._throttle.check(email)
        # Counted before it is looked at, so that many at once do not get more tries.
        failures = self._throttle.failed(email)
        found = self._rows.password(email)
        if not passwords.fits(password, found[1] if found else None) or found is None:
            from heedful.ledger.throttle import FREE

            if found is not None and failures >= FREE:
                detail = f"{failures} wrong passwords in a row"
                self._audit.add(HEEDFUL, "held up", f"person {email}", detail)
            return None
        person, hash_ = found
        renewed = passwords.kept(password) if passwords.outdated(hash_) else None
        with self._database.begin() as connection:
            if renewed is not None:
                self._rows.set(person, connection, password=renewed)
            secret = self._logins.make(person, connection)
            self._audit.add(email, "logged in", f"person {email}", connection=connection)
        self._throttle.passed(email)
        return secret

    def session(self, secret: str) -> Person | None:
        """Whose session this is; None where it has ended or never was."""
        return self._logins.person(secret)

    def log_out(self, secret: str) -> None:
        """End a session."""
        with self._database.begin() as connection:
            person = self._logins.end(secret, connection)
            if person is not None:
                about = f"person {person.email}"
                self._audit.add(person.email, "logged out", about, connection=connection)

    def logins(self, person: Person) -> list[Login]:
        """Sessions of a person that have not ended, the newest first."""
        return self._logins.of(person)

    def end_logins(
        self,
        person: Person,
        by: str,
        *,
        id: str | None = None,  # noqa: A002 - what lists call it
        but: str | None = None,
    ) -> int:
        """End sessions of a person.

        Args:
            person: Whose.
            by: Who ends them.
            id: Only this one, as `logins` lists it.
            but: Not the one with this secret.

        Returns:
            How many ended.
        """
        with self._database.begin() as connection:
            ended = self._logins.end_all(person, connection, id=id, but=but)
            if ended:
                detail = f"{ended} session{'' if ended == 1 else 's'}"
                about = f"person {person.email}"
                self._audit.add(by, "logged out", about, detail, connection=connection)
        return ended

    def new_password(self, person: Person, old: str, new: str, *, keep: str | None = None) -> None:
        """Give someone who knows their password a new one; their other sessions end.

        Args:
            person: Who.
            old: The password they have.
            new: The password they want.
            keep: The secret of the session that goes on.

        Raises:
            RefusedError: The old one is wrong, or the new one too easy to guess.
            ThrottledError: Too many wrong passwords came before.
        """
        from heedful.ledger import password as passwords

        self._throttle.check(person.email)
        self._throttle.failed(person.email)
        found = self._rows.password(person.email)
        if not passwords.fits(old, found[1] if found else None):
            raise RefusedError("the password you have now is another one")
        passwords.acceptable(new, person.email)
        kept = passwords.kept(new)
        with self._database.begin() as connection:
            self._rows.set(person, connection, password=kept)
            self._logins.end_all(person, connection, but=keep)
            about = f"person {person.email}"
            self._audit.add(person.email, "chose a new password", about, connection=connection)
        self._throttle.passed(person.email)

    def role(self, email: str, role: str, by: str) -> Person:
        """Give someone a role.

        Raises:
            RefusedError: There is no such person or role, or nobody could let others in any more.
        """
        return self._rows.give(email, role, by)

    def close(self, email: str, by: str) -> Person:
        """Shut someone out: their sessions end, their tokens work no more.

        Raises:
            RefusedError: There is no such person, or nobody could let others in any more.
        """
        return self._rows.close(email, by)
