"""`docs/experiments.md` shows every field as the models have it, and its examples are right."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from heedful.definitions.experiment import Experiment, Exposure, Guardrail, Outcome, Variant
from heedful.definitions.fields import Model
from heedful.definitions.project_files import Loaded, load

PAGES = Path(__file__).parents[2] / "docs"
DOCS = (PAGES / "experiments.md").read_text("utf-8")
GOLDEN = Path(__file__).with_name("experiments.txt").read_text("utf-8")
STAGES = (  # held to by test_experiment.py
    " warning: no experiment in the stages conversion, onboarding; "
    "begin with the hypothesis of a stage that matters"
)
SAID = {STAGES, *(line.split(":", 2)[-1] for line in GOLDEN.splitlines())}


def blocks(page: str) -> dict[str, str]:
    """Return the files that a page shows."""
    text = (PAGES / page).read_text("utf-8")
    head = r"(?:# |-- |<!-- )(\S+\.(?:yaml|sql|md))[^\n]*\n"
    return dict(re.findall(rf"```(?:yaml|sql|markdown)\n{head}(.*?)```", text, re.DOTALL))


@pytest.fixture
def shown(tmp_path: Path, catalogue: Path, surroundings: dict[str, dict[str, list[str]]]) -> Loaded:
    """Load the examples of this page, beside those of docs/project.md."""
    for name, text in {**blocks("project.md"), **blocks("experiments.md")}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return load(tmp_path, catalogue, **surroundings)


@pytest.mark.parametrize(
    ("model", "without"),
    [
        (Experiment, None),
        (Variant, None),
        (Outcome, None),
        (Guardrail, Outcome),
        (Exposure, None),
    ],
    ids=lambda model: getattr(model, "__name__", None),
)
def test_every_field_is_shown_as_it_is(
    model: type[Model], without: type[Model] | None, field_table: Callable[..., str]
) -> None:
    table = field_table(model, without)
    assert f"{table}\n\n" in DOCS, f"docs/experiments.md should hold:\n{table}"


def test_examples_make_experiments_that_pass(shown: Loaded) -> None:
    assert [str(problem) for problem in shown.problems] == []
    experiments = shown.valid().experiments
    assert {each.design for each in experiments.values()} == {"ab", "holdout", "factorial"}
    assert experiments["as-it-was"].controlled == "held_out"
    assert [warning.file for warning in shown.warnings] == ["heedful.yaml"]


def test_what_check_says_is_what_it_says() -> None:
    lines = "\n".join(re.findall(r"```text\n(.*?)```", DOCS, re.DOTALL)).splitlines()
    assert len([line for line in lines if ": warning: " in line]) == 4
    for line in filter(None, lines):
        assert line.split(":", 2)[2] in SAID, line


def test_the_example_in_python_runs(
    shown: Loaded, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    (tmp_path / "acme").symlink_to(tmp_path, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code, names)
    assert names["found"].without == (
        "awareness",
        "conversion",
        "onboarding",
        "retention",
        "expansion",
    )  # type: ignore[attr-defined]
