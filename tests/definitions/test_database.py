"""Addresses of databases: filled in from the environment, and never shown with a password."""

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.definitions.database import MissingVariableError, address, relation_parts
from heedful.definitions.project_files import Loaded

signs = st.text(st.characters(min_codepoint=33, max_codepoint=1000), min_size=1, max_size=20)


@given(signs, signs)
def test_whatever_stands_in_a_variable_is_one_part_of_the_address(user: str, password: str) -> None:
    environment = {"WHO": user, "KEY": password}
    found = address("postgresql://${WHO}:${KEY}@db:5432/shop?sslmode=require", environment)
    parts = urlsplit(found.url)
    assert (unquote(parts.username or ""), unquote(parts.password or "")) == (user, password)
    assert (parts.hostname, parts.port, parts.path) == ("db", 5432, "/shop")
    for shown in (password, found.url):
        assert shown not in found.hidden(f"FATAL: {shown}!").replace("***", "")


def test_passwords_are_found_wherever_they_stand() -> None:
    for url in (
        "postgresql://me:geheim@db/x",
        "postgresql:///x?host=/tmp&password=geheim",
        "postgres://db/x?PASSWORD=geheim&sslmode=require",
    ):
        assert "geheim" in address(url, {}).secrets
    assert address("postgresql://me@db/x?host=a@b", {}).secrets == ()
    whole = address(" ${URL} ", {"URL": "postgresql://me:g%40h@db/x"})
    assert whole.url == "postgresql://me:g%40h@db/x"
    assert whole.hidden("g@h or g%40h") == "*** or ***"
    with pytest.raises(MissingVariableError, match="NO"):
        address("postgresql://${NO}@db/x", {})


def test_relations_are_read_as_postgresql_reads_them() -> None:
    assert relation_parts("orders") == ["orders"]
    assert relation_parts('"a.b"."say ""so"""') == ["a.b", 'say "so"']


def test_a_variable_that_is_not_set_is_a_warning(
    loaded: Callable[[dict[str, str]], Loaded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHOP_KEY", raising=False)
    text = "table: responses\npath: postgresql://me:${SHOP_KEY}@db/x\nrelation: answers\n"
    result = loaded({"sources/answers.yaml": text})
    assert result.problems == ()
    said = [one.warning for one in result.warnings if one.file == "sources/answers.yaml"]
    hint = "SHOP_KEY is not set here; nothing can be imported without it"
    assert said == [f"sources/answers.yaml:2: warning: {hint}"]
    monkeypatch.setenv("SHOP_KEY", "x")
    assert not [
        one
        for one in loaded({"sources/answers.yaml": text}).warnings
        if one.file == "sources/answers.yaml"
    ]
