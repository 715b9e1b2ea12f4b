"""While a site is served, what becomes due is sent without a refresh."""

from __future__ import annotations

import time
from types import SimpleNamespace

from heedful.web.postman import Postman


def test_what_becomes_due_is_sent_and_a_fault_does_not_end_it(
    desk_of, given, listener, monkeypatch
):
    monkeypatch.setenv("URL", listener.url)
    desk = desk_of({"channels": {"team": {"kind": "slack", "url_env": "URL"}}})
    desk.findings = [given.finding()]
    editions = iter([None, SimpleNamespace(project=desk.project)])

    class Site:
        last = None

        @property
        def edition(self):
            self.last = next(editions, self.last)
            return self.last

    postman = Postman(Site(), 0.02)
    postman.start()
    desk.look()
    for _ in range(200):
        if desk.events()[0][2] == "sent":
            break
        time.sleep(0.02)
    postman.stop()
    assert len(listener.posts) == 1
    assert desk.events() == [("f1", "open", "sent")]
