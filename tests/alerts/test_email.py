"""Letters arrive at a real server, say the same twice, and hold no header that someone put in."""

from __future__ import annotations

import logging
import ssl
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from html.parser import HTMLParser

import pytest
from aiosmtpd.smtp import AuthResult

from heedful.alerts.channels.email import written
from heedful.alerts.message import Item, Message
from heedful.definitions.alert import Channel

HOSTILE = '<script>alert("x")</script> & "quoted"\r\nBcc: eve@evil.example\r\n\r\nnew body'


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that only those trust who are told to."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def server_side(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def email_to(port, **more):
    channel = {
        "kind": "email",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "from": "heedful@acme.example",
        "to": ["ada@acme.example"],
        **more,
    }
    return {"channels": {"team": channel}, "link": "https://heedful.example"}


def parsed(letter):
    return message_from_bytes(letter.content, policy=policy.default)


def test_a_letter_arrives_once_as_text_and_html_that_say_the_same(desk_of, given, post_office):
    mailbox, port = post_office()
    desk = desk_of(email_to(port))
    desk.findings = [given.finding()]
    assert desk.run() == 1
    assert desk.run() == 0
    (letter,) = mailbox.letters
    assert letter.to == ["ada@acme.example"]
    mail = parsed(letter)
    assert mail["Subject"] == f"{desk.project.name}: Watch: Satisfaction fell (f1)"
    assert mail["From"] == "heedful@acme.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == f"<{desk.queue.log()[0].message}@acme.example>"
    text = mail.get_body(("plain",)).get_content()
    html = _Reader.of(mail.get_body(("html",)).get_content())
    for said in ("Watch: Satisfaction fell (f1)", "10 points below", "Since: 24 Aug 2026"):
        assert said in text
        assert said in html.text
    assert "https://heedful.example/findings/f1" in text
    assert html.links == ["https://heedful.example/findings/f1"]


class _Reader(HTMLParser):
    """What a mail program shows of HTML."""

    def __init__(self):
        super().__init__()
        self.tags, self.links, self.text = set(), [], ""

    @staticmethod
    def of(html):
        reader = _Reader()
        reader.feed(html)
        return reader

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.text += data


def test_what_a_finding_says_stays_words(desk_of, given, post_office):
    mailbox, port = post_office()
    desk = desk_of(email_to(port))
    desk.findings = [given.finding(title=HOSTILE, says=HOSTILE, stage=HOSTILE)]
    assert desk.run() == 1
    (letter,) = mailbox.letters
    assert letter.to == ["ada@acme.example"]
    mail = parsed(letter)
    assert "Bcc" not in mail
    assert "Bcc: eve@evil.example" in mail["Subject"]
    html = _Reader.of(mail.get_body(("html",)).get_content())
    assert "script" not in html.tags
    assert '<script>alert("x")</script>' in html.text
    assert "<script>" not in mail.get_body(("html",)).get_content()


@pytest.mark.parametrize(
    "sign", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\0"]
)
def test_no_sign_that_ends_a_line_begins_another_header(sign):
    evil = f"x{sign}Bcc: eve@evil.example"
    item = Item("open", "f", evil, evil, "act", ((evil, evil),), None, {})
    message = Message("id", evil, (item,), datetime(2026, 9, 7, tzinfo=UTC))
    channel = Channel.model_validate(
        {"kind": "email", "host": "h", "from": evil, "to": [evil]}, strict=False
    )
    found = message_from_bytes(written(message, channel).as_bytes(policy=policy.SMTP))
    assert "Bcc" not in found
    assert set(found.keys()) <= {
        "Subject",
        "From",
        "To",
        "Date",
        "Message-ID",
        "Heedful-Id",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    }


def test_starttls_with_a_certificate_that_is_checked(
    desk_of, given, post_office, certificate, monkeypatch
):
    mailbox, port = post_office(tls_context=server_side(certificate), require_starttls=True)
    desk = desk_of(email_to(port, security="starttls"))
    desk.findings = [given.finding()]
    assert desk.run() == 0
    assert desk.queue.log()[0].error == ("no encrypted connection: the server's certificate or TLS")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert desk.run(given.now + timedelta(minutes=1)) == 1
    assert mailbox.letters[0].encrypted


def test_ssl_from_the_first_byte(desk_of, given, post_office, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    mailbox, port = post_office(ssl_context=server_side(certificate))
    desk = desk_of(email_to(port, security="ssl"))
    desk.findings = [given.finding()]
    assert desk.run() == 1
    assert len(mailbox.letters) == 1


def test_a_server_that_offers_no_encryption_is_not_told_anything(desk_of, given, post_office):
    mailbox, port = post_office()
    desk = desk_of(email_to(port, security="starttls"))
    desk.findings = [given.finding()]
    assert desk.run() == 0
    assert mailbox.letters == []
    assert desk.queue.log()[0].error == "no connection: SMTPNotSupportedError"


def test_the_password_logs_in_and_is_never_said(
    desk_of, given, post_office, certificate, monkeypatch, caplog
):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    def check(server, session, envelope, mechanism, data):
        right = (data.login, data.password) == (b"heedful", b"geheim")
        return AuthResult(success=right, handled=False)

    mailbox, port = post_office(
        tls_context=server_side(certificate), authenticator=check, auth_required=True
    )
    definition = email_to(port, security="starttls", user="heedful", password_env="PASSWORD")
    desk = desk_of(definition, {"PASSWORD": "falsch-geheim"})
    desk.findings = [given.finding()]
    assert desk.run() == 0
    assert desk.queue.log()[0].error == "the server refused to log in, 535"
    right = desk_of(definition, {"PASSWORD": "geheim"})
    right.findings = desk.findings
    assert right.run(given.now + timedelta(minutes=1)) == 1
    assert len(mailbox.letters) == 1
    assert "geheim" not in repr(right.queue.log())
    ours = [each for each in caplog.records if each.name.startswith(("heedful", "smtplib"))]
    assert "geheim" not in repr([each.getMessage() for each in ours])


def test_teams_are_addressed_by_their_own_address(desk_of, given, post_office):
    mailbox, port = post_office()
    desk = desk_of(email_to(port, to=["cx", "board@acme.example"]))
    team = desk.project.definitions.settings.teams["cx"].model_copy(
        update={"email": "cx@acme.example"}
    )
    desk.project.definitions.settings.teams["cx"] = team
    desk.findings = [given.finding()]
    assert desk.run() == 1
    assert mailbox.letters[0].to == ["cx@acme.example", "board@acme.example"]


def test_addresses_that_the_server_refuses(desk_of, given, post_office):
    mailbox, port = post_office()
    desk = desk_of(email_to(port, to=["ada@acme.example", "gone@acme.example"]))
    mailbox.refused = {"gone@acme.example"}
    desk.findings = [given.finding()]
    assert desk.run() == 1
    (row,) = desk.queue.log()
    assert (row.state, row.error) == ("sent", "the server refused 1 of 2 addresses")
    mailbox.refused |= {"ada@acme.example"}
    desk.findings.append(given.finding("f2"))
    assert desk.run() == 0
    assert desk.queue.log()[0].error == "the server refused every address, 550"
    mailbox.refused = set()
    mailbox.answer = "452 mailbox full of geheim"
    desk.run(given.now + timedelta(minutes=1))
    assert desk.queue.log()[0].error == "the server answered 452"


def test_a_digest_names_the_first_and_counts_the_rest(desk_of, given, post_office):
    mailbox, port = post_office()
    desk = desk_of(email_to(port))
    desk.findings = [given.finding(f"f{n:02}") for n in range(25)]
    assert desk.run() == 1
    mail = parsed(mailbox.letters[0])
    assert mail["Subject"] == f"{desk.project.name}: 25 findings: 25 new"
    assert "and 5 more: https://heedful.example/findings" in mail.get_body(("plain",)).get_content()
