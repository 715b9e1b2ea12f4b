"""YAML becomes plain data with lines, and no text makes it fail."""

import json
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from heedful.definitions import document
from heedful.definitions.document import parse, read

keys = st.text(st.characters(categories=["Ll", "Lu"], max_codepoint=127), min_size=1, max_size=5)
scalars = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


def block(tree: object, indent: int = 0) -> list[tuple[str, tuple[object, ...] | None]]:
    """Write a tree as block YAML; beside each line the path that begins on it."""
    pad = "  " * indent
    lines: list[tuple[str, tuple[object, ...] | None]] = []
    assert isinstance(tree, dict)
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            lines.append((f"{pad}{json.dumps(key)}:", (key,)))
            lines += [(text, (key, *(path or ()))) for text, path in block(value, indent + 1)]
        else:
            lines.append((f"{pad}{json.dumps(key)}: {json.dumps(value)}", (key,)))
    return lines


def plain(tree: object) -> object:
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    return tuple(plain(item) for item in tree) if isinstance(tree, list) else tree


@given(st.dictionaries(keys, trees, min_size=1, max_size=4))
def test_data_and_lines_are_those_of_the_text(tree: dict[str, object]) -> None:
    lines = block(tree)
    document = parse("\n".join(text for text, _ in lines), "x.yaml")
    assert document.problems == ()
    assert document.data == plain(tree)
    for number, (_, path) in enumerate(lines, start=1):
        assert document.line(path) == number


@given(st.text(max_size=60) | st.text("{}[]:,&*!|>%@`'\"#-? \n\tab1~<", max_size=40))
def test_any_text_gives_data_or_problems_on_its_lines(text: str) -> None:
    document = parse(text, "x.yaml")
    for problem in document.problems:
        assert problem.file == "x.yaml"
        assert 1 <= problem.line <= len(text.splitlines()) + 2
        assert "\n" not in str(problem)


@given(st.binary(max_size=60))
def test_any_bytes_give_data_or_problems(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    read(path, "any.yaml")


def test_values_are_those_of_yaml_1_2() -> None:
    text = (
        "yes: on\noctal: 0o17\nhex: 0x1F\nzero: 012\nfloat: 1e3\nday: 2017-05-15\npercent: 30%\n"
        "null: ~\nempty:\nquoted: '1'\nversion: 1.2.3\ntime: 12:30:00\ndot: .5\nminus: -3\n"
        "name: Ωmega\n"
    )
    assert parse(text, "x").data == {
        "yes": "on",
        "octal": 15,
        "hex": 31,
        "zero": 12,
        "float": 1000.0,
        "day": "2017-05-15",
        "percent": "30%",
        "null": None,
        "empty": None,
        "quoted": "1",
        "version": "1.2.3",
        "time": "12:30:00",
        "dot": 0.5,
        "minus": -3,
        "name": "Ωmega",
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "a: 1\nb: 2\na: 3\n",
            '3: "a" is written twice; keep one of them (the other is on line 1)',
        ),
        ("a: {b: 1, b: 2}", '1: "b" is written twice; keep one of them (the other is on line 1)'),
        ("a: [1, 2\nb: 3", "2: not YAML: "),
        ("a: b: c", "1: not YAML: mapping values are not allowed here"),
        ("a: %b", "1: not YAML: "),
        ("a: @b", "1: not YAML: "),
        ("a: 1\n\tb: 2", "2: not YAML: "),
        ("a: 1\n---\nb: 2", "2: not YAML: "),
        ("a: *b", "1: not YAML: "),
        ("a: !secret b", "1: tag !secret is not known; leave the tag out"),
        ("a: !!python/object:os.system x", "1: tag !!python/object:os.system is not known"),
        ("? [a]\n: b", "1: a list or mapping stands where a name is expected"),
        ("a: &x [*x]", "1: too many values, or too deep; write it without aliases (*)"),
        ("a: \x07", "1: not YAML: character"),
        ("[" * 1200, "1: "),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, says: str) -> None:
    document = parse(text, "f.yaml")
    assert len(document.problems) == 1
    assert str(document.problems[0]).startswith(f"f.yaml:{says}")


def test_aliases_that_multiply_end() -> None:
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 12)]
    document = parse("\n".join(["l0: &l0 [x]", *levels]), "f.yaml")
    assert [problem.found for problem in document.problems] == ["too many values, or too deep"]


def test_an_alias_repeats_what_it_names() -> None:
    assert parse("a: &x {b: 1}\nc: *x", "f").data == {"a": {"b": 1}, "c": {"b": 1}}


def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes("a: 1\nb: für\n".encode("latin-1"))
    document = read(tmp_path / "f.yaml", "f.yaml")
    assert [str(p) for p in document.problems] == [
        "f.yaml:2: byte 0xFC is not UTF-8; save the file as UTF-8"
    ]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    document = read(tmp_path / "f.yaml", "f.yaml")
    assert (document.data, document.line(("b",))) == ({"a": 1, "b": 2}, 2)


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    assert "cannot be read" in str(read(tmp_path, "folder").problems[0])


def test_an_empty_file_is_no_data_and_no_problem() -> None:
    document = parse("# only a comment\n", "f")
    assert (document.data, document.problems, document.line(("a",))) == (None, (), 1)


PIECES = [
    *"018.eE+-_xoab:~\"' \n[]{},#!?=@%\t&*|>",
    *(
        "\n  ",
        "\n- ",
        "!!str ",
        "&a ",
        "*a",
        "null",
        "yes",
        "true",
        "No",
        "<<",
        "1:30",
        "2020-01-01",
    ),
    *("é", "\u2028", "\\ud83d", "a: ", "- "),
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@settings(max_examples=300, deadline=None)
def test_the_fast_reader_reads_what_the_other_reads(text):
    fast = parse(text, "x.yaml")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            document, "_composed", lambda text: YAML(typ="safe", pure=True).compose(text)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert str(parse(text, "x.yaml")) == str(fast), repr(text)
