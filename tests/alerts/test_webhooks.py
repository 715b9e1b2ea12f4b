"""Messages arrive at real servers: once, signed, in the shape that each product takes."""

from __future__ import annotations

import base64
import json
import logging
import re
import subprocess
import sys
from datetime import timedelta

import pytest

from heedful.alerts.failure import DeliveryError
from heedful.alerts.posting import post
from heedful.ledger.alert import LEASE

MINUTE = timedelta(minutes=1)
KEY = "a key that both sides know"


@pytest.fixture
def desk_to(desk_of, listener):
    """A desk that tells the listener."""

    def made(kind, **more):
        channel = {"kind": kind, "url_env": "URL"}
        if kind == "webhook":
            channel["secret_env"] = "KEY"
        definition = {"channels": {"team": channel}, "link": "https://heedful.example/x/", **more}
        return desk_of(definition, {"URL": listener.url, "KEY": KEY})

    return made


def sent(listener):
    return [json.loads(each.body) for each in listener.posts]


def test_a_webhook_gets_the_finding_as_the_contract_has_it(desk_to, given, listener):
    desk = desk_to("webhook")
    desk.findings = [given.finding("f/1")]
    assert desk.run() == 1
    assert desk.run() == 0
    (post_,) = listener.posts
    body = json.loads(post_.body)
    assert body["project"] == desk.project.name
    assert body["id"] == post_.headers["Heedful-Id"]
    (event,) = body["events"]
    assert event["event"] == "open"
    assert event["link"] == "https://heedful.example/x/findings/f%2F1"
    assert event["finding"]["value"] == 0.7
    assert event["finding"]["comments"] == []
    assert post_.headers["Content-Type"] == "application/json"
    assert desk.events() == [("f/1", "open", "sent")]


def test_its_signature_is_what_openssl_makes_of_time_and_body(desk_to, given, listener):
    desk = desk_to("webhook")
    desk.findings = [given.finding(title="Grüße <&> \u2028")]
    desk.run()
    (post_,) = listener.posts
    match = re.fullmatch(r"t=([0-9]{10}),v1=([0-9a-f]{64})", post_.headers["Heedful-Signature"])
    assert match
    code = _hmac(KEY.encode(), match[1].encode() + b"." + post_.body)
    assert match[2] == code


def _hmac(key, message):
    """HMAC-SHA256 as RFC 2104 spells it out, with another library's SHA-256."""
    from cryptography.hazmat.primitives import hashes

    def sha256(data):
        digest = hashes.Hash(hashes.SHA256())
        digest.update(data)
        return digest.finalize()

    key = key.ljust(64, b"\0")
    inner = sha256(bytes(b ^ 0x36 for b in key) + message)
    return sha256(bytes(b ^ 0x5C for b in key) + inner).hex()


def test_a_retry_has_the_same_body_and_id_and_comes_when_it_should(desk_to, given, listener):
    desk = desk_to("webhook")
    desk.findings = [given.finding()]
    listener.answers = [(500, {}, b""), (503, {"Retry-After": "1200"}, b"")]
    assert desk.run() == 0
    assert desk.queue.log()[0].error == "answered 500"
    assert desk.run(given.now + timedelta(seconds=59)) == 0
    assert len(listener.posts) == 1
    assert desk.run(given.now + MINUTE) == 0
    assert desk.queue.log()[0].due_at == given.now + MINUTE + timedelta(minutes=20)
    assert desk.run(given.now + 21 * MINUTE) == 1
    assert len({each.body for each in listener.posts}) == 1
    assert len({each.headers["Heedful-Id"] for each in listener.posts}) == 1
    assert desk.queue.log()[0].attempts == 3


def test_many_at_once_become_one_and_few_do_not(desk_to, given, listener):
    desk = desk_to("webhook", digest={"over": 3})
    desk.findings = [given.finding(f"a{n}") for n in range(3)]
    assert desk.run() == 3
    desk.findings = [given.finding(f"b{n:02}") for n in range(25)]
    desk.findings[7] = given.finding("b07", severity="act")
    desk.findings[9] = given.finding("b09", rank=2)
    assert desk.run() == 1
    events = sent(listener)[-1]["events"]
    assert len(events) == 25
    assert [each["finding"]["id"] for each in events[:3]] == ["b07", "b09", "b00"]


def test_the_digest_comes_once_a_day_with_all_that_waits(desk_to, given, listener):
    desk = desk_to("webhook", routes=[{"send": "digest"}])
    desk.findings = [given.finding("a"), given.finding("b")]
    assert desk.run(given.now) == 0
    tomorrow = given.now.replace(day=8, hour=6, minute=0)
    assert desk.run(tomorrow - MINUTE) == 0
    assert desk.run(tomorrow) == 1
    desk.close("a")
    assert desk.run(tomorrow + MINUTE) == 0
    assert desk.run(tomorrow + timedelta(days=1)) == 1
    assert [[each["event"] for each in one["events"]] for one in sent(listener)] == [
        ["open", "open"],
        ["closed"],
    ]


def test_nobody_is_told_in_quiet_hours_but_of_what_may_wake_them(desk_to, given, listener):
    night = {"from": "22:00", "until": "07:00", "but": ["act"]}
    desk = desk_to("webhook", quiet=night)
    desk.findings = [given.finding("calm"), given.finding("grave", severity="act")]
    evening = given.now.replace(hour=21)
    assert desk.run(evening) == 1
    assert sent(listener)[0]["events"][0]["finding"]["id"] == "grave"
    assert desk.run(given.now.replace(day=8, hour=4, minute=59)) == 0
    assert desk.run(given.now.replace(day=8, hour=5, minute=0)) == 1
    assert sent(listener)[1]["events"][0]["finding"]["id"] == "calm"


def test_a_message_tried_before_the_night_is_not_torn_apart_by_it(desk_to, given, listener):
    desk = desk_to(
        "webhook", digest={"over": 1}, quiet={"from": "22:00", "until": "07:00", "but": ["act"]}
    )
    desk.findings = [given.finding("calm"), given.finding("grave", severity="act")]
    listener.answers = [(500, {}, b"")]
    before = given.now.replace(hour=19, minute=59)
    desk.run(before)
    assert desk.run(before + 2 * MINUTE) == 1
    assert [len(one["events"]) for one in sent(listener)] == [2, 2]


def test_two_processes_at_once_tell_everything_once(desk_to, given, listener, tmp_path):
    desk = desk_to("webhook", digest={"over": 100})
    desk.findings = [given.finding(f"f{n:02}") for n in range(30)]
    desk.look()
    _write_settings(desk, listener)
    processes = [_process(desk, listener) for _ in range(2)]
    counts = [int(each.communicate(timeout=60)[0]) for each in processes]
    assert sum(counts) == 30
    told = [one["events"][0]["finding"]["id"] for one in sent(listener)]
    assert sorted(told) == [f"f{n:02}" for n in range(30)]


def test_killed_in_the_middle_another_sends_it_again_under_the_same_id(desk_to, given, listener):
    desk = desk_to("webhook")
    desk.findings = [given.finding()]
    desk.look()
    _write_settings(desk, listener)
    process = _process(desk, listener)
    listener.before = process.kill  # as soon as the request is there, before any answer
    process.wait(60)
    assert process.returncode == -9
    listener.before = lambda: None
    assert desk.events() == [("f1", "open", "sending")]
    claimed = desk.queue.log()[0].due_at
    assert desk.sending.deliver(claimed - MINUTE) == 0
    assert desk.sending.deliver(claimed) == 1
    assert [each.headers["Heedful-Id"] for each in listener.posts] == [
        desk.queue.log()[0].message
    ] * 2
    assert desk.sending.deliver(claimed + LEASE) == 0


CODE = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from heedful.project import Project
print(Project(Path(sys.argv[1])).alerts.deliver(datetime.fromisoformat(sys.argv[2])))
"""


def _write_settings(desk, listener):
    (desk.project.root / "alerts.yaml").write_text(
        "channels:\n  team: {kind: webhook, url_env: URL, secret_env: KEY}\ndigest: {over: 100}\n"
    )


def _process(desk, listener):
    now = desk.queue.log()[0].made_at.isoformat()
    return subprocess.Popen(
        [sys.executable, "-c", CODE, str(desk.project.root), now],
        env={"URL": listener.url, "KEY": KEY, "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_slack_gets_blocks_that_call_nobody(desk_to, given, listener):
    desk = desk_to("slack")
    desk.findings = [given.finding(title="<!channel> *5* < 6|7 & <https://evil.example|x>")]
    desk.run()
    (body,) = sent(listener)
    assert set(body) == {"text", "blocks"}
    header, section, context = body["blocks"]
    assert header["type"] == "header"
    assert header["text"]["type"] == "plain_text"
    assert len(header["text"]["text"]) <= 150
    assert section["text"]["text"].split("\n")[0] == (
        "*Watch: <https://heedful.example/x/findings/f1|&lt;!channel&gt; ∗5∗ &lt; 6¦7 &amp; "
        "&lt;https://evil.example¦x&gt;>*"
    )
    assert "Owner: " in context["elements"][0]["text"]
    assert "<!channel>" not in json.dumps(body["blocks"][1:]) + body["text"]


def flood(given):
    return [given.finding(f"f{n:02}", title="ж" * 3000, says="ч" * 9000) for n in range(60)]


def test_slack_takes_a_flood_in_one_message(desk_to, given, listener):
    desk = desk_to("slack")
    desk.findings = flood(given)
    assert desk.run() == 1
    (body,) = sent(listener)
    assert len(body["blocks"]) <= 50
    for block in body["blocks"]:
        for part in (block.get("text", {}), *block.get("elements", ())):
            assert len(part.get("text", "")) <= 3000
    assert "and 40 more: <https://heedful.example/x/findings|see all>" in json.dumps(body)
    assert body["text"].endswith("60 findings: 60 new")


def test_teams_gets_an_adaptive_card_in_an_envelope(desk_to, given, listener):
    desk = desk_to("teams")
    desk.findings = [given.finding(title="[Log in](https://evil.example) **now** - 2026-09-01")]
    desk.run()
    (body,) = sent(listener)
    assert body["type"] == "message"
    (attachment,) = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["actions"][0]["url"] == "https://heedful.example/x/findings/f1"
    title = card["body"][1]["items"][0]["text"]
    assert title == ("Watch: \\[Log in\\](https://evil.example) \\*\\*now\\*\\* - 2026-09-01")
    assert card["body"][1]["items"][2]["facts"][0]["title"] == "Since"


def test_teams_takes_a_flood_in_one_message(desk_to, given, listener):
    desk = desk_to("teams")
    desk.findings = flood(given)
    assert desk.run() == 1
    assert len(listener.posts[0].body) < 28_000


FAILURES = [
    ((404, {}, b"no_service"), "answered 404 no_service"),
    ((403, {}, b"SECRETPATH"), "answered 403"),
    ((400, {}, b"invalid_token: SECRETPATH"), "answered 400"),
    ((302, {"Location": "http://169.254.169.254/"}, b""), "answered 302, a redirect; "),
]


@pytest.mark.parametrize(("answer", "says"), FAILURES)
def test_what_failed_is_said_without_a_secret(desk_to, given, listener, caplog, answer, says):
    caplog.set_level(logging.DEBUG)
    desk = desk_to("webhook")
    desk.findings = [given.finding()]
    listener.answers = [answer]
    desk.run()
    assert len(listener.posts) == 1
    (row,) = desk.queue.log()
    assert row.error.startswith(says)
    held = desk.project.ledger.file.read_bytes()
    held += desk.project.ledger.file.with_name("ledger.sqlite-wal").read_bytes()
    for secret in ("SECRETPATH", KEY):
        assert secret not in caplog.text
        assert secret not in repr(row)
        assert secret.encode() not in held


def test_a_server_that_is_not_there_or_does_not_answer(desk_to, given, listener, monkeypatch):
    monkeypatch.setattr("heedful.alerts.posting.SECONDS", 0.3)
    desk = desk_to("slack")
    desk.findings = [given.finding()]
    import time

    listener.before = lambda: time.sleep(1)
    desk.run()
    assert desk.queue.log()[0].error == "no answer within 0 seconds"
    listener.stop()
    desk.run(given.now + MINUTE)
    assert desk.queue.log()[0].error == "no connection: ConnectError"


def test_a_secret_that_is_not_set_is_named(desk_of, given):
    desk = desk_of({"channels": {"team": {"kind": "slack", "url_env": "NOT_SET"}}})
    desk.findings = [given.finding()]
    desk.run()
    assert desk.queue.log()[0].error == "the environment variable NOT_SET is not set"


def test_one_channel_that_fails_does_not_silence_another(desk_of, given, listener):
    channels = {
        "broken": {"kind": "slack", "url_env": "NO"},
        "team": {"kind": "slack", "url_env": "URL"},
    }
    desk = desk_of({"channels": channels}, {"URL": listener.url})
    desk.findings = [given.finding()]
    assert desk.run() == 1
    assert desk.events("broken") == [("f1", "open", "waiting")]


def test_a_channel_that_was_taken_out_gets_nothing_more(desk_to, desk_of, given):
    desk = desk_to("slack")
    desk.findings = [given.finding()]
    desk.look()
    without = desk_of({"channels": {}})
    assert without.sending.deliver(given.now) == 0
    assert without.events() == [("f1", "open", "withdrawn")]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://169.254.169.254/latest/meta-data", "link-local"),
        ("http://[fe80::1]/x", "link-local"),
        ("http://[::ffff:169.254.169.254]/x", "link-local"),
        ("http://0.0.0.0/x", "link-local"),
        ("http://[fd00:ec2::254]/x", "metadata"),
        ("file:///etc/passwd", "is none"),
        ("hooks.slack.com/services/SECRET", "is none"),
        ("https://", "is none"),
        ("http://[", "is none"),
        ("http://x:99999/SECRET", "is none"),
    ],
)
def test_addresses_where_nobody_listens_are_refused(url, says):
    with pytest.raises(DeliveryError, match=says) as error:
        post(url, b"{}", {})
    assert "SECRET" not in str(error.value)


def test_an_address_with_a_password_in_it_is_not_said(listener, caplog):
    caplog.set_level(logging.DEBUG)
    url = listener.url.replace("http://", "http://me:geheim@")
    post(url, b"{}", {})
    header = listener.posts[0].headers["Authorization"]
    assert base64.b64decode(header.split()[1]) == b"me:geheim"
    assert "geheim" not in caplog.text
    assert "SECRETPATH" not in caplog.text


def test_trying_a_channel_out(desk_to, listener, monkeypatch):
    desk = desk_to("webhook", quiet={"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]})
    monkeypatch.setenv("URL", listener.url)
    monkeypatch.setenv("KEY", KEY)
    assert desk.project.alerts.test("team", "cli:ada") is None
    (body,) = sent(listener)
    assert body["test"] is True
    assert desk.queue.log() == []
    assert desk.project.audit.all()[0].object == "channel team"
    from heedful.project import NotFoundError

    with pytest.raises(NotFoundError, match="did you mean"):
        desk.project.alerts.test("tem", "cli:ada")
