"""Every kind of problem is said in full: file, line, what was found, what is allowed.

`problems.txt` holds the cases: files that take the place of the base project's, and what is said.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heedful.definitions.problem import Problem, ProjectError, did_you_mean, one_of
from heedful.definitions.project_files import Loaded, find_root

Say = Callable[[dict[str, str | bytes | None]], list[str]]
Load = Callable[[dict[str, str | bytes | None]], Loaded]


def cases() -> Iterator[object]:
    text = Path(__file__).with_name("problems.txt").read_text("utf-8")
    for case in text.removeprefix("## ").split("\n## "):
        name, _, rest = case.partition("\n")
        parts = (part.partition("\n") for part in rest.removeprefix("--- ").split("\n--- "))
        files = {file: f"{content}\n" for file, _, content in parts}
        says = files.pop("says").split("\n")
        yield pytest.param(files, [line for line in says if line], id=name)


@pytest.mark.parametrize(("files", "says"), list(cases()))
def test_what_is_wrong_is_said(files: dict[str, str], says: list[str], problems: Say) -> None:
    assert problems({**files}) == says


def test_the_base_project_is_right(loaded: Load) -> None:
    result = loaded({})
    assert result.problems == ()
    assert result.valid().kpis["csat"].owner == "cx"


def test_a_folder_without_settings_is_no_project(problems: Say, tmp_path: Path) -> None:
    assert problems({"heedful.yaml": None}) == [
        f"heedful.yaml:1: does not exist; make a project with: heedful init {tmp_path}"
    ]


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("segments.yaml", "segments.yaml:2: byte 0xF6 is not UTF-8; save the file as UTF-8"),
        ("kpis/nps.yaml", "kpis/nps.yaml:2: byte 0xF6 is not UTF-8; save the file as UTF-8"),
        ("playbooks/x.md", "playbooks/x.md:2: is not UTF-8; save the file as UTF-8"),
    ],
)
def test_files_that_are_not_utf8(problems: Say, file: str, says: str) -> None:
    assert problems({file: "# x\ngröße: 1\n".encode("latin-1")}) == [says]


def test_an_sql_file_that_is_not_utf8(problems: Say) -> None:
    source = "table: responses\npath: a.csv\nsql: sources/a.sql\n"
    files = {"sources/answers.yaml": source, "sources/a.sql": "SELECT 'ö'".encode("latin-1")}
    assert problems(files) == ["sources/a.sql:1: is not UTF-8; allowed: one SELECT"]


def test_valid_raises_everything_that_is_wrong(loaded: Load) -> None:
    result = loaded({"kpis/csat.yaml": "owner: cxx\n"})
    with pytest.raises(ProjectError) as raised:
        result.valid()
    assert raised.value.problems == result.problems
    assert len(result.problems) == 3
    assert str(raised.value) == "\n".join(map(str, result.problems))


def test_problems_are_in_the_order_of_files_and_lines(loaded: Load) -> None:
    found = loaded({"kpis/nps.yaml": "", "heedful.yaml": "name: 1\n", "rules.yaml": "a: 1\n"})
    places = [(problem.file, problem.line) for problem in found.problems]
    assert places == sorted(places)


FILES = ["heedful.yaml", "rules.yaml", "segments.yaml", "scorecard.yaml", "hypotheses.yaml"]
WORDS = (
    "name timezone stages teams cases of kpis weights dimensions layers path columns measure "
    "share where like threshold rule by scale worst best table sql exclude events id kpi"
)
words = st.sampled_from(WORDS.split())
values = st.recursive(
    words | st.sampled_from(["1", "null", "true", "30%", "-0.5", ".inf", "'", "[", "$a", "%"]),
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(words, inner, max_size=2).map(
            lambda pairs: f"{{{', '.join(f'{key}: {value}' for key, value in pairs.items())}}}"
        )
    ),
    max_leaves=4,
)


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    file=st.sampled_from([*FILES, "kpis/csat.yaml", "kpis/own.yaml", "sources/answers.yaml"]),
    pairs=st.dictionaries(words | st.sampled_from(list("abc")), values, max_size=3),
)
def test_no_file_makes_loading_fail(load_in: Load, file: str, pairs: dict[str, str]) -> None:
    text = "".join(f"{key}: {value}\n" for key, value in pairs.items())
    result = load_in({file: text})
    for problem in result.problems:
        assert problem.line >= 1
        assert problem.found
        assert "\n" not in str(problem)
    assert (result.definitions is None) == bool(result.problems)


@pytest.mark.parametrize("text", ["?", "'': 1", "? \n: x", "&a : *a", "- - -", '"\\0": 1'])
@pytest.mark.parametrize("file", ["kpis/csat.yaml", "heedful.yaml", "sources/answers.yaml"])
def test_odd_keys_are_unknown_fields(problems: Say, file: str, text: str) -> None:
    said = problems({file: text})
    assert said
    assert all(line.startswith(file) or "kpis/csat.yaml" in line for line in said)


def test_words_far_from_all_options_get_no_hint() -> None:
    assert did_you_mean("zebra", ["cx"]) == ""
    assert did_you_mean("CX", ["cx"]) == ' (did you mean "cx"?)'


def test_long_lists_are_cut_but_the_nearest_is_named() -> None:
    options = [f"option_{number:02}" for number in range(30)]
    says = one_of(options, "option_27x")
    assert says.startswith("allowed: option_00, option_01")
    assert says.endswith('and 18 more (did you mean "option_27"?)')


def test_a_problem_is_one_line_whatever_it_holds() -> None:
    assert (
        str(Problem("a.yaml", 3, 'found\n"x"', "this\tor that"))
        == 'a.yaml:3: found "x"; this or that'
    )


def test_the_project_is_the_nearest_folder_above(tmp_path: Path) -> None:
    (tmp_path / "heedful.yaml").touch()
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert find_root(tmp_path / "a" / "b") == tmp_path.resolve()
    assert find_root(tmp_path.parent) is None
