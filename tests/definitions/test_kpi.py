"""Project files say what the catalogue does not; what decides the number has a hash."""

from collections.abc import Callable

import pytest
from pydantic import TypeAdapter, ValidationError

from heedful.definitions.kpi import Kpi
from heedful.definitions.measure import KINDS, Duration, Measure, Retention, Share, TopBox
from heedful.definitions.project_files import Loaded
from heedful.definitions.threshold import Threshold

Load = Callable[[dict[str, str]], Loaded]
CSAT = "target: 85%\nowner: cx\nplaybook: csat\n"


def test_a_project_says_only_what_differs(loaded: Load) -> None:
    text = f"{CSAT}title: Happy\nmin_customers: 50\nscale: {{worst: 50%, best: 95%}}\n"
    kpi = loaded({"kpis/csat.yaml": text}).valid().kpis["csat"]
    assert (kpi.title, kpi.min_customers, kpi.target) == ("Happy", 50, 0.85)
    assert (kpi.fact, kpi.where, kpi.weighted) == ("survey_answers", "instrument = 'csat'", True)
    assert kpi.scale
    assert (kpi.scale.worst, kpi.scale.best) == (0.5, 0.95)
    assert isinstance(kpi.measure, TopBox)
    assert (kpi.threshold.rule, kpi.threshold.amount) == ("below_target", 0.1)


def test_who_is_counted_is_said_once_for_the_project(loaded: Load) -> None:
    files = {
        "heedful.yaml": "name: A\ntimezone: UTC\ncurrency: EUR\nunit: account\n"
        "teams: {cx: {name: C}}\n",
        "kpis/csat.yaml": CSAT,
        "kpis/people.yaml": "like: csat\nunit: customer\n",
        "kpis/chat.yaml": "like: csat\nwhere: ai\n",
    }
    definitions = loaded(files).valid()
    units = {name: kpi.units for name, kpi in definitions.kpis.items()}
    assert units == {"csat": "accounts", "people": "customers", "chat": "accounts"}
    assert definitions.catalogue["nps"].unit == "account"
    apart = loaded({"kpis/csat.yaml": CSAT}).valid()
    assert (apart.kpis["csat"].unit, apart.settings.units) == ("customer", "customers")
    assert apart.catalogue["pipeline_velocity"].unit == "account"


def test_null_takes_away_what_the_catalogue_says(loaded: Load) -> None:
    assert loaded({"kpis/csat.yaml": f"{CSAT}where: null\n"}).valid().kpis["csat"].where is None


def test_like_copies_what_is_not_said_again(loaded: Load) -> None:
    files = {
        "kpis/csat.yaml": f"{CSAT}min_customers: 99\n",
        "kpis/chat.yaml": "like: csat\ntitle: Chat\nwhere: \"touchpoint = 'chat'\"\n",
        "kpis/chat_ai.yaml": "like: chat\nwhere: ai\n",
    }
    kpis = loaded(files).valid().kpis
    assert (kpis["chat_ai"].title, kpis["chat_ai"].where) == ("Chat", "ai")
    assert (kpis["chat_ai"].min_customers, kpis["chat_ai"].target) == (99, 0.85)
    assert kpis["chat"].measure == kpis["csat"].measure


def test_what_a_project_says_of_90_days_does_not_hold_for_a_year(loaded: Load) -> None:
    files = {
        "kpis/retention.yaml": "owner: cx\nplaybook: csat\ntarget: 80%\n",
        "kpis/retention_365.yaml": "owner: growth\nplaybook: csat\n",
    }
    kpis = loaded(files).valid().kpis
    assert kpis["retention_365"].target is None
    assert isinstance(kpis["retention_365"].measure, Retention)
    assert kpis["retention_365"].measure.after == 365


def test_a_planned_kpi_can_be_defined_by_the_project(loaded: Load) -> None:
    text = (
        "owner: cx\nplaybook: csat\nfact: survey_answers\n"
        "measure: {top_box: score, of: scale_max}\nwhere: \"instrument = 'tone'\"\n"
    )
    kpi = loaded({"kpis/theme_tone.yaml": text}).valid().kpis["theme_tone"]
    assert (kpi.planned, kpi.threshold.rule) == (False, "change")


def test_own_facts_are_not_checked_column_by_column(loaded: Load) -> None:
    files = {
        "facts/visits.sql": "SELECT 1",
        "kpis/csat.yaml": f"{CSAT}fact: visits\nwhere: whatever\n",
    }
    assert loaded(files).valid().kpis["csat"].fact == "visits"


def test_attributes_and_segments_are_dimensions_of_every_fact(loaded: Load) -> None:
    files = {
        "segments.yaml": "home: {cases: {inland: \"country = 'DE'\"}}\n",
        "kpis/csat.yaml": f"{CSAT}breakdowns: [region, home, stage]\nwhere: region = 'north'\n",
    }
    assert loaded(files).problems == ()


def test_without_kpis_folder_nothing_is_switched_on(loaded: Load) -> None:
    definitions = loaded({"kpis/csat.yaml": None}).valid()  # type: ignore[dict-item]
    assert definitions.kpis == {}
    assert definitions.catalogue["csat"].title == "Customer satisfaction"


def test_the_hash_follows_what_decides_the_number(loaded: Load) -> None:
    base = loaded({}).valid().kpis["csat"]
    assert base.definition_hash == "17c038bc127e"
    for change in ("title: X", "target: 70%", "owner: growth", "min_customers: 9", "scored: false"):
        name, _, value = change.partition(": ")
        other = base.model_copy(update={name: value})
        assert other.definition_hash == base.definition_hash, change
    measure = TopBox(top_box="score", of="scale_max", boxes=1)
    updates = {
        "fact": "x",
        "measure": measure,
        "where": None,
        "weighted": False,
        "unit": "account",
        "window_days": 1,
    }
    hashes = {
        base.model_copy(update={name: value}).definition_hash for name, value in updates.items()
    }
    assert len(hashes | {base.definition_hash}) == 7


def test_kpis_cannot_be_changed(loaded: Load) -> None:
    with pytest.raises(ValidationError):
        loaded({}).valid().kpis["csat"].owner = "growth"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "unit", "expressions"),
    [
        ({"share": "a"}, "share", {"share": "a"}),
        ({"top_box": "s", "of": "m"}, "share", {"top_box": "s", "of": "m"}),
        ({"nps": "s"}, "nps", {"nps": "s"}),
        ({"mean": "a", "in": "money"}, "money", {"mean": "a"}),
        ({"ratio": "a", "per": "b", "in": "share"}, "share", {"ratio": "a", "per": "b"}),
        ({"rate": "a", "per": "b", "in": "count"}, "count", {"rate": "a", "per": "b"}),
        ({"total": "a", "in": "count"}, "count", {"total": "a"}),
        ({"quantile": "a", "in": "seconds"}, "seconds", {"quantile": "a"}),
        ({"duration": "a", "event": "b", "in": "hours"}, "hours", {"duration": "a", "event": "b"}),
        ({"retention": "a", "lost": "b", "after": 9}, "share", {"retention": "a", "lost": "b"}),
    ],
)
def test_each_kind_of_measure(given: dict[str, object], unit: str, expressions: object) -> None:
    measure: Measure = TypeAdapter(Measure).validate_python(given)
    assert measure.kind == next(iter(given))
    assert type(measure) is KINDS[measure.kind]
    assert measure.unit == unit
    assert measure.expressions() == expressions


def test_defaults_of_measures() -> None:
    assert TopBox(top_box="s", of="m").boxes == 2
    assert Duration.model_validate({"duration": "a", "event": "b", "in": "hours"}).q == 0.5
    assert Retention(retention="a", lost="b", after=30).complement is False
    assert Share(share="x").kind == "share"


def test_amount_of_a_threshold() -> None:
    assert Threshold(rule="change").amount == 0.10
    assert Threshold(rule="below_target").amount == 0
    assert Threshold(rule="drop_points", by=5).amount == 5
    assert Threshold(rule="trend").amount == 0


def test_a_kpi_can_be_made_in_code() -> None:
    kpi = Kpi(
        id="mine",
        title="Mine",
        says="It is mine.",
        layer="experience",
        timing="leading",
        better="higher",
        fact="sessions",
        measure=Share(share="engaged"),
        threshold=Threshold(rule="change"),
        owner="cx",
        playbook="mine",
    )
    assert len(kpi.definition_hash) == 12
