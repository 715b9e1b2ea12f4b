"""A fresh project passes its own check, and nothing of anyone's is overwritten."""

import re
from pathlib import Path

import pytest

from heedful.definitions.document import read
from heedful.definitions.problem import ProjectError
from heedful.definitions.project_files import Definitions, load
from heedful.definitions.rules import EXCLUDED, Rules
from heedful.definitions.scorecard import ScorecardDefinition
from heedful.definitions.template import TEMPLATES, create

Surroundings = dict[str, dict[str, list[str]]]
LOREM = re.compile(r"TODO|FIXME|lorem", re.IGNORECASE)


@pytest.fixture(params=TEMPLATES)
def fresh(
    request: pytest.FixtureRequest, tmp_path: Path, catalogue: Path, surroundings: Surroundings
) -> Definitions:
    create(tmp_path / "acme-shop", request.param)
    result = load(tmp_path / "acme-shop", catalogue, **surroundings)
    assert [str(problem) for problem in result.problems] == []
    return result.valid()


def test_a_fresh_project_has_all_it_needs(fresh: Definitions) -> None:
    assert fresh.settings.name == "Acme Shop"
    assert 8 <= len(fresh.kpis) <= 15
    assert set(fresh.playbooks) == {kpi.playbook for kpi in fresh.kpis.values()}
    assert {kpi.owner for kpi in fresh.kpis.values()} == set(fresh.settings.teams)
    assert [each.stage for each in fresh.hypotheses.values()] == list(fresh.settings.stages)
    assert fresh.sources == {}
    assert fresh.scorecard == ScorecardDefinition()
    assert all(kpi.scale is None for kpi in fresh.kpis.values())
    assert (fresh.root / ".gitignore").read_text().splitlines()[-1] == "/data/"


def test_the_core_is_in_every_template_but_what_is_planned(fresh: Definitions) -> None:
    core = {name for name, kpi in fresh.catalogue.items() if kpi.core and not kpi.planned}
    if fresh.root.joinpath("kpis", "order_value.yaml").exists():
        # Nobody lapses within the 90 days of the core's retention in a shop.
        core = core - {"ai_escalation_rate", "retention"} | {"retention_365"}
    assert core <= set(fresh.kpis)


def test_playbooks_can_be_acted_on(fresh: Definitions) -> None:
    for playbook in fresh.playbooks.values():
        for part in ("**Look first**", "**Then act**", "**Do not**", "Done when"):
            assert part in playbook.text, (playbook.id, part)


def test_every_file_is_commented_and_finished(fresh: Definitions) -> None:
    for path in fresh.root.rglob("*"):
        if path.is_file():
            text = path.read_text("utf-8")
            assert text.startswith("#"), path
            assert text.endswith("\n")
            assert not LOREM.search(text)
            assert max(map(len, text.split("\n"))) <= (450 if path.suffix == ".md" else 125), path


def test_the_experiment_that_is_shown_passes(
    fresh: Definitions, catalogue: Path, surroundings: Surroundings
) -> None:
    assert fresh.experiments == {}
    shown = (fresh.root / "experiments" / "README.md").read_text("utf-8")
    ((name, text),) = re.findall(r"```yaml\n# experiments/(\S+)\.yaml\n(.*?)```", shown, re.DOTALL)
    (fresh.root / "experiments" / f"{name}.yaml").write_text(text, "utf-8")
    found = load(fresh.root, catalogue, **surroundings)
    experiment = found.valid().experiments[name]
    layers = {fresh.kpis[outcome.kpi].layer for outcome in experiment.outcomes}
    assert "experience" in layers
    assert len(layers) > 1
    (warning,) = found.warnings
    assert warning.found.startswith("no experiment in the stages ")
    assert set(re.findall(r"`heedful experiment \w+ (\S+)`", shown)) == {name}


def test_scales_proposed_in_comments_are_valid(
    fresh: Definitions, catalogue: Path, surroundings: Surroundings
) -> None:
    for path in (fresh.root / "kpis").iterdir():
        text = re.sub(r"^# (target|scale): ", r"\1: ", path.read_text(), flags=re.MULTILINE)
        path.write_text(text)
    changed = load(fresh.root, catalogue, **surroundings).valid()
    assert all(kpi.target is not None for kpi in changed.kpis.values())
    for kpi in changed.kpis.values():
        assert (kpi.scale is not None) == kpi.scored, kpi.id
        if kpi.scale and kpi.target is not None:
            low, high = sorted([kpi.scale.worst, kpi.scale.best])
            assert low < kpi.target < high, kpi.id


def test_rules_in_comments_are_the_defaults(fresh: Definitions) -> None:
    text = (fresh.root / "rules.yaml").read_text()
    for name, value in re.findall(r"^# (\w+): (.*?)(?:\s{2,}#.*)?$", text, flags=re.MULTILINE):
        line = fresh.root / "one.yaml"
        line.write_text(f"{name}: {value}\n")
        data = read(line, "one.yaml").data
        assert Rules.model_validate(data) == Rules(), name
    written = set(re.findall(r"^(?:# )?(\w+):(?: |$)", text, flags=re.MULTILINE))
    assert set(Rules.model_fields) - {"business_hours", "activities"} <= written
    assert fresh.rules.exclude == EXCLUDED


def test_the_name_can_hold_anything(tmp_path: Path, catalogue: Path) -> None:
    name = 'Über "Care": #1 \\ 100%\n'
    create(tmp_path / "x", name=name)
    assert load(tmp_path / "x", catalogue).valid().settings.name == name


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ProjectError, match="the folder is not empty; name a new or empty folder"):
        create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_fresh_git_folder_will_do_and_keeps_its_own_ignores(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*.tmp\n")
    create(tmp_path, "saas")
    lines = (tmp_path / ".gitignore").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("*.tmp", "/data/")


def test_what_was_written_is_returned(tmp_path: Path) -> None:
    written = create(tmp_path / "x", "ecommerce")
    assert set(written) == {path for path in (tmp_path / "x").rglob("*") if path.is_file()}


def test_a_file_in_the_way_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(ProjectError, match="cannot be written"):
        create(tmp_path / "x")


def test_an_unknown_template_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as raised:
        create(tmp_path / "x", "sass")
    assert str(raised.value) == (
        f'{tmp_path / "x"}:1: template "sass" is not known; '
        'allowed: blank, saas, ecommerce (did you mean "saas"?)'
    )
    assert not (tmp_path / "x").exists()
