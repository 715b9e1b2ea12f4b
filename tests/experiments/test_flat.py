"""Tables without a project: right numbers or one sentence, never a traceback."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from math import isnan

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from scipy import stats

from heedful.experiments.contract import as_contract
from heedful.experiments.flat import FlatError, FlatQuestion, Margin, analyse

RNG = np.random.default_rng(20260713)
N = 2000
ARM = np.where(RNG.random(N) < 0.5, "control", "warm")
SPEND = np.round(RNG.exponential(20, N) * (RNG.random(N) < np.where(ARM == "warm", 0.4, 0.3)), 2)
TABLE = pd.DataFrame(
    {
        "arm": ARM,
        "spend": SPEND,
        "bought": (SPEND > 0).astype(int),
        "before": np.round(SPEND + RNG.normal(0, 5, N), 3),
        "country": RNG.choice(["DE", "FR", "NA"], N),
        "day": [dt.date(2026, 7, 1) + dt.timedelta(days=int(d)) for d in RNG.integers(0, 9, N)],
        "id": [f"u{i}" for i in range(N)],
    }
)
ASKED = FlatQuestion("arm", ["spend", "bought"])


def outcome(readout, kpi):
    (found,) = [one for one in readout.outcomes if one.kpi == kpi]
    return found


def welch(table, kpi, arm="arm", control="control"):
    """Difference, interval and p of SciPy."""
    sides = [table.loc[(table[arm] == control) == base, kpi].dropna() for base in (False, True)]
    found = stats.ttest_ind(*(side.astype(float) for side in sides), equal_var=False)
    ends = found.confidence_interval()
    return sides[0].mean() - sides[1].mean(), ends.low, ends.high, found.pvalue


def agree(found, expected, rel=1e-9):
    given_ = (found.difference, found.low, found.high, found.p_value)
    assert given_ == pytest.approx(expected, rel=rel, abs=1e-12)


# --- the same numbers from every kind of table ---


def _written(folder, kind):
    path = folder / f"rows.{kind}"
    match kind:
        case "csv" | "csv.gz":
            TABLE.to_csv(path, index=False)
        case "txt":
            TABLE.to_csv(path, index=False, sep=";")
        case "tsv":
            TABLE.to_csv(path, index=False, sep="\t", encoding="utf-16")
        case "jsonl":
            TABLE.astype({"day": str}).to_json(path, orient="records", lines=True)
        case "json":
            TABLE.astype({"day": str}).to_json(path, orient="records")
        case "xlsx":
            TABLE.to_excel(path, index=False)
        case "parquet":
            TABLE.to_parquet(path, index=False)
    return path


EVERYTHING = FlatQuestion(
    "arm",
    ["spend", "bought"],
    unit="id",
    covariates=["before"],
    segments=["country"],
    strata=["country"],
    day="day",
    guardrails={"bought": Margin(0.1)},
)


@pytest.mark.parametrize(
    "kind", ["csv", "csv.gz", "txt", "tsv", "jsonl", "json", "xlsx", "parquet"]
)
def test_every_kind_of_file_gives_the_same_readout(tmp_path, kind):
    expected = as_contract(analyse(TABLE, EVERYTHING))
    found = as_contract(analyse(_written(tmp_path, kind), EVERYTHING))
    _same(found, expected)
    assert found["segments"][2]["segment"] == "NA"  # a country as any other


def _same(found, expected):
    if isinstance(expected, dict):
        assert set(found) == set(expected)
        for key, value in expected.items():
            _same(found[key], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            _same(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    else:
        assert found == expected


@pytest.mark.parametrize(
    "spend",
    [
        TABLE.spend.astype("float32"),
        TABLE.spend.map(lambda x: Decimal(str(x))),
        TABLE.spend.astype(str),
        TABLE.spend.astype("category"),
        TABLE.spend.astype(object),
        TABLE.spend.astype("Float64"),
        TABLE.spend.astype("string[pyarrow]"),
        TABLE.spend.astype("float64[pyarrow]"),
        TABLE.spend.astype(object).where(TABLE.index % 2 == 0, TABLE.spend.astype(str)),
    ],
    ids=lambda s: str(s.dtype),
)
def test_every_type_of_column_gives_the_same_numbers(spend, tmp_path):
    table = TABLE.assign(spend=spend)
    agree(outcome(analyse(table, ASKED), "spend"), welch(TABLE, "spend"), rel=1e-5)
    if spend.dtype != object or isinstance(spend[0], Decimal):
        table.to_parquet(tmp_path / "t.parquet")
        found = outcome(analyse(tmp_path / "t.parquet", ASKED), "spend")
        agree(found, welch(TABLE, "spend"), rel=1e-5)


@pytest.mark.parametrize(
    "bought",
    [
        TABLE.bought.astype(bool),
        TABLE.bought.astype("boolean"),
        TABLE.bought.map({0: "FALSE", 1: "TRUE"}),
        TABLE.bought.map({0: "no", 1: "yes"}).astype("category"),
        TABLE.bought.map({0: "0.0", 1: "1"}),
        TABLE.bought.astype("uint8"),
        TABLE.bought.astype(float),
    ],
    ids=["bool", "boolean", "TRUE", "yes", "0.0", "uint8", "float"],
)
def test_yes_and_no_are_shares_however_they_are_written(bought):
    found = outcome(analyse(TABLE.assign(bought=bought), ASKED), "bought")
    assert found.unit == "share"
    agree(found, welch(TABLE, "bought"))


def test_sums_that_look_like_a_share_are_none():
    # Eight halves and a two: their squares add up to their sum, as those of 0 and 1 do.
    table = pd.DataFrame({"arm": ["a", "b"] * 45, "y": ([0.5] * 8 + [2.0]) * 10})
    assert outcome(analyse(table, FlatQuestion("arm", ["y"])), "y").unit is None


def test_arrow_tables_polars_like_streams_and_odd_names():
    odd = {"arm": 'a "b" c', "spend": "Käse; -- x", "bought": "sélect"}
    table = pa.Table.from_pandas(TABLE.rename(columns=odd), preserve_index=False)
    asked = FlatQuestion(odd["arm"], [odd["spend"], odd["bought"]])
    agree(outcome(analyse(table, asked), odd["spend"]), welch(TABLE, "spend"))

    class Streamed:
        def __arrow_c_stream__(self, requested_schema=None):
            return table.__arrow_c_stream__(requested_schema)

    agree(outcome(analyse(Streamed(), asked), odd["spend"]), welch(TABLE, "spend"))


def test_columns_that_differ_in_case_are_told_apart():
    table = TABLE.assign(Spend=0.0, SPEND=TABLE.spend * 2)
    found = analyse(table, FlatQuestion("arm", ["SPEND", "spend"]))
    assert outcome(found, "SPEND").difference == pytest.approx(
        2 * outcome(found, "spend").difference
    )


# --- what is computed ---


def test_capping_is_at_the_quantile_of_all_units():
    found = outcome(analyse(TABLE, FlatQuestion("arm", ["spend"], capping=0.99)), "spend")
    capped = TABLE.assign(spend=TABLE.spend.clip(upper=TABLE.spend.quantile(0.99)))
    agree(found, welch(capped, "spend"))
    assert "99% quantile" in found.method


def test_several_rows_a_unit_are_taken_together():
    rng = np.random.default_rng(5)
    rows = TABLE.loc[rng.integers(0, N, 3 * N)].reset_index(drop=True)
    rows["spend"] += rng.normal(size=len(rows))
    found = analyse(rows, FlatQuestion("arm", ["spend"], unit="id"))
    sides = {}
    for arm, mine in rows.groupby("arm"):
        sums = mine.groupby("id").spend.agg(["sum", "count"])
        r = sums["sum"].sum() / sums["count"].sum()
        deviation = (sums["sum"] - r * sums["count"]) / sums["count"].mean()
        sides[arm] = (r, deviation.var(ddof=1) / len(sums), len(sums))
    one = outcome(found, "spend")
    assert one.difference == pytest.approx(sides["warm"][0] - sides["control"][0], rel=1e-9)
    half = (one.high - one.low) / 2
    se = np.sqrt(sides["warm"][1] + sides["control"][1])
    assert half == pytest.approx(1.96 * se, rel=2e-3)
    assert (one.n, one.control_n) == (sides["warm"][2], sides["control"][2])
    assert any("several rows" in note for note in found.notes)


def test_a_covariate_adjusts_as_least_squares_does():
    import statsmodels.api as sm

    found = outcome(analyse(TABLE, FlatQuestion("arm", ["spend"], covariates=["before"])), "spend")
    x = sm.add_constant(
        np.column_stack([TABLE.arm == "warm", TABLE.before - TABLE.before.mean()]).astype(float)
    )
    fit = sm.OLS(TABLE.spend, x).fit(cov_type="HC3")
    assert found.difference == pytest.approx(fit.params.iloc[1], rel=1e-6)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * fit.bse.iloc[1], rel=0.01)
    assert found.variance_reduction > 0.5


def test_strata_weigh_as_in_all_units():
    found = outcome(analyse(TABLE, FlatQuestion("arm", ["spend"], strata=["country"])), "spend")
    means = TABLE.groupby(["country", "arm"]).spend.mean().unstack()
    shares = TABLE.country.value_counts(normalize=True)
    expected = ((means.warm - means.control) * shares).sum()
    assert found.difference == pytest.approx(expected, rel=1e-9)


def test_segments_and_days_are_those_of_their_units():
    found = analyse(TABLE, FlatQuestion("arm", ["spend"], segments=["country"], day="day"))
    assert [one.segment for one in found.segments] == ["DE", "FR", "NA"]
    for one in found.segments:
        mine = TABLE[TABLE.country == one.segment]
        expected = welch(mine, "spend")
        assert (one.difference, one.low, one.high) == pytest.approx(expected[:3], rel=1e-9)
    assert [look.date for look in found.looks] == sorted(set(TABLE.day))
    for look in found.looks:
        expected = welch(TABLE[TABLE.day <= look.date], "spend")
        assert (look.difference, look.low, look.high) == pytest.approx(expected[:3], rel=1e-9)


def test_units_with_two_variants_are_left_out_counted_and_warned_of():
    crossed = TABLE.iloc[:100].assign(arm="control")
    rows = pd.concat([TABLE, crossed])
    found = analyse(rows, FlatQuestion("arm", ["spend"], unit="id"))
    both = int((TABLE.arm.iloc[:100] == "warm").sum())
    assert found.crossovers == both
    assert any(f"{both:,} units got more than one variant" in note for note in found.notes)
    assert any("Crossovers" in warning for warning in found.warnings)
    kept = rows[~rows.id.isin(TABLE.id.iloc[:100][TABLE.arm.iloc[:100] == "warm"])]
    assert {v.name: v.units for v in found.variants} == (
        kept.drop_duplicates("id").arm.value_counts().to_dict()
    )


def test_values_missing_in_one_variant_void_the_outcome():
    table = TABLE.assign(spend=TABLE.spend.where((TABLE.arm == "control") | (TABLE.index % 5 > 0)))
    found = analyse(table, ASKED)
    assert outcome(found, "spend").verdict == "void"
    assert "answer differently" in outcome(found, "spend").why
    assert found.decision == "needs_review"
    assert outcome(found, "bought").verdict != "void"
    # Alike in both variants they are only counted.
    table = TABLE.assign(spend=TABLE.spend.where(TABLE.index % 5 > 0))
    found = analyse(table, ASKED)
    agree(outcome(found, "spend"), welch(table, "spend"))
    assert any("spend: 400 units have no value" in note for note in found.notes)


def test_nan_means_missing_in_every_kind_of_table(tmp_path):
    holes = TABLE.spend.where(TABLE.index % 5 > 0)
    expected = welch(TABLE.assign(spend=holes), "spend")
    agree(outcome(analyse(TABLE.assign(spend=holes), ASKED), "spend"), expected)
    table = pa.table({"arm": ARM, "spend": pa.array(holes.to_numpy()), "bought": TABLE.bought})
    assert table["spend"].null_count == 0
    agree(outcome(analyse(table, ASKED), "spend"), expected)
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=300)
    agree(outcome(analyse(tmp_path / "t.parquet", ASKED), "spend"), expected)


def test_blanks_around_names_do_not_make_variants():
    arms = pd.Series(np.where(RNG.random(N) < 0.5, ARM, np.char.add(ARM, " ")))
    found = analyse(TABLE.assign(arm=arms), ASKED)
    assert [v.name for v in found.variants] == ["control", "warm"]
    agree(outcome(found, "spend"), welch(TABLE, "spend"))
    units = analyse(TABLE.assign(arm=arms), FlatQuestion("arm", ["spend"], unit="id"))
    assert units.crossovers == 0


def test_rows_without_variant_or_unit_are_left_out_and_counted():
    arms = TABLE.arm.astype(object).where(TABLE.index >= 10, None)
    ids = TABLE.id.astype(object).where(TABLE.index < N - 7, None)
    found = analyse(TABLE.assign(arm=arms, id=ids), FlatQuestion("arm", ["spend"], unit="id"))
    assert "10 rows name no variant and are left out." in found.notes
    assert "7 rows name no unit and are left out." in found.notes
    agree(outcome(found, "spend"), welch(TABLE.iloc[10 : N - 7], "spend"))


def test_a_variant_called_none_is_one():
    found = analyse(TABLE.assign(arm=TABLE.arm.replace("control", "None")), ASKED)
    assert [v.name for v in found.variants] == ["None", "warm"]


@pytest.mark.parametrize("kind", [int, float, bool, str, "category", "Int64"])
def test_variants_may_be_of_any_type(kind):
    table = TABLE.assign(arm=(TABLE.arm == "warm").astype(int).astype(kind))
    found = analyse(table, ASKED)
    assert [v.name for v in found.variants] in (["0", "1"], ["false", "true"], ["False", "True"])
    agree(outcome(found, "spend"), welch(TABLE, "spend"))


def test_constant_metrics_and_few_units_have_no_interval_and_say_why():
    found = analyse(TABLE.assign(spend=5.0), ASKED)
    one = outcome(found, "spend")
    assert (one.difference, one.low, one.p_value) == (0.0, None, None)
    assert one.why == "no variation"
    two = analyse(TABLE.iloc[:2].assign(arm=["a", "b"]), ASKED)
    assert outcome(two, "spend").why == "fewer than 30 units with a value"
    assert two.decision != "ship"


# --- what a newcomer may get wrong: one line, what was found, what is allowed ---

WRONG = [
    (FlatQuestion("arm", ["spent"]), 'no column "spent".*did you mean "spend"', True),
    (FlatQuestion("group", ["spend"]), 'variant: there is no column "group"', True),
    (FlatQuestion("arm", []), "no metric is named", True),
    (FlatQuestion("arm", ["arm"]), "both metric and variant", True),
    (FlatQuestion("arm", ["spend"], unit="arm"), "both variant and unit", True),
    (FlatQuestion("arm", ["spend"], unit="spend"), "both metric and unit", True),
    (FlatQuestion("arm", ["spend"], covariates=["spend"]), "both covariate and metric", True),
    (FlatQuestion("arm", ["spend"], segments=["spend"]), "both segment and metric", True),
    (
        FlatQuestion("arm", ["country"]),
        r'country: 1,\d{3} of 1,\d{3} values are no numbers: "',
        False,
    ),
    (FlatQuestion("arm", ["day"]), "day holds date; allowed: numbers", False),
    (FlatQuestion("id", ["spend"]), "id holds 2,000 different values.*at most 20", False),
    (FlatQuestion("one", ["spend"]), 'one holds only "same"; at least two', False),
    (FlatQuestion("none", ["spend"]), "none holds nothing; at least two", False),
    (FlatQuestion("arm", ["spend"], control="contrl"), 'did you mean "control"', True),
    (FlatQuestion("arm", ["spend"], weights={"hot": 1}), '"hot" is no variant', True),
    (FlatQuestion("arm", ["spend"], weights={"warm": 1}), '"control" has none', True),
    (FlatQuestion("arm", ["spend"], weights={"warm": 1, "control": 0}), "numbers above 0", True),
    (FlatQuestion("arm", ["spend"], guardrails={"visits": Margin(0.1)}), "guardrail: there", True),
    (FlatQuestion("arm", ["spend"], guardrails={"bought": Margin(2)}), "margin 2", True),
    (FlatQuestion("arm", ["spend"], segments=["id"]), "id holds 2,000 different values", False),
    (FlatQuestion("arm", ["spend"], day="country"), "cannot be read as a date", False),
    (FlatQuestion("arm", ["spend"], lower=["bought"]), "neither metric nor guardrail", True),
    (FlatQuestion("arm", ["spend"], capping=99.9), "capping is 99.9.*such as 0.999", True),
    (FlatQuestion("arm", ["spend"], alpha=5), "alpha is 5", True),
    (FlatQuestion("arm", ["endless"]), "endless: 2,000 values are infinite", False),
    (FlatQuestion("arm", ["lists"]), "lists holds|no numbers", False),
    (FlatQuestion("arm", ["spend"], unit="none"), "none names no unit", False),
    (FlatQuestion("arm", ["spend"], unit="country"), "every country got more than one", False),
]


@pytest.mark.parametrize(("asked", "said", "usage"), WRONG, ids=[each[1] for each in WRONG])
def test_what_is_wrong_is_said_in_a_line(asked, said, usage):
    table = TABLE.assign(
        one="same", none=None, endless=np.inf, lists=[[1]] * N if "lists" in asked.metrics else 0
    )
    with pytest.raises(FlatError, match=said) as caught:
        analyse(table, asked)
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value)
    assert caught.value.usage is usage


def test_text_among_numbers_is_shown_with_its_lines(tmp_path):
    path = tmp_path / "t.csv"
    spend = TABLE.spend.astype(str).mask(TABLE.index == 10, "n.a.").mask(TABLE.index == 20, "1,5")
    TABLE.assign(spend=spend).to_csv(path, index=False)
    with pytest.raises(FlatError) as caught:
        analyse(path, ASKED)
    assert str(caught.value) == (
        'spend: 2 of 2,000 values are no numbers: line 12 "n.a.", line 22 "1,5"; '
        "allowed: numbers with a decimal point, or true and false; missing may be empty or NA"
    )


def test_words_among_numbers_are_shown_too(tmp_path):
    path = tmp_path / "t.csv"
    spend = TABLE.spend.astype(str).mask(TABLE.index == 10, "yes")
    TABLE.assign(spend=spend).to_csv(path, index=False)
    with pytest.raises(FlatError, match='1 of 2,000 values are words among numbers: line 12 "yes"'):
        analyse(path, ASKED)


FILES = {
    "folder": (None, "is a folder"),
    "missing.csv": (None, "does not exist"),
    "empty.csv": (b"", "has no rows"),
    "header.csv": (b"arm,spend\n", "a header but no rows"),
    "single.csv": (b"arm,spend\na,1\n", "only one row"),
    "noise.csv": (bytes(range(256)) * 40, "noise.csv"),
    "noise.parquet": (b"PAR1" + bytes(range(256)), "not a Parquet file"),
    "noise.xlsx": (b"PK\x03\x04" + bytes(range(256)), "noise.xlsx"),
    "noise.csv.gz": (b"\x1f\x8b" + bytes(range(256)), "cannot be read"),
    "text.pdf": (b"%PDF-1.7", "is not known; allowed: .csv"),
    "list.json": (b"[1, 2, 3]", "list.json"),
    "half.json": (b'[{"arm": "a", "spend": 1}, {"arm"', "half.json"),
}


@pytest.mark.parametrize(("name", "content"), [(n, c[0]) for n, c in FILES.items()])
def test_files_that_are_none(tmp_path, name, content):
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(FlatError, match=FILES[name][1]) as caught:
        analyse(path, FlatQuestion("arm", ["spend"]))
    assert "\n" not in str(caught.value)


def test_a_file_of_another_encoding_still_has_its_numbers(tmp_path):
    path = tmp_path / "t.csv"
    names = {"control": "Köln", "warm": "Zürich"}
    TABLE.assign(arm=TABLE.arm.map(names)).to_csv(path, index=False, encoding="utf-8-sig")
    assert analyse(path, ASKED).variants[0].name == "Köln"
    TABLE.assign(arm=TABLE.arm.map(names)).to_csv(path, index=False, encoding="latin-1")
    with pytest.raises(FlatError, match="broken"):
        analyse(path, ASKED)


def test_names_that_several_columns_share():
    table = pd.concat([TABLE, TABLE[["spend"]]], axis=1)
    with pytest.raises(FlatError, match='several columns are called "spend"'):
        analyse(table, ASKED)
    agree(
        outcome(analyse(table, FlatQuestion("arm", ["bought"])), "bought"), welch(TABLE, "bought")
    )


def test_something_else_than_a_table():
    for thing in (7, None, [1, 2], object()):
        with pytest.raises(FlatError, match="the data is of type"):
            analyse(thing, ASKED)


def test_several_columns_in_one_word():
    found = analyse(TABLE, FlatQuestion("arm", ["spend,bought"]))
    assert [one.kpi for one in found.outcomes] == ["spend", "bought"]
    table = TABLE.assign(**{"spend,bought": 1.0 * TABLE.bought})
    found = analyse(table, FlatQuestion("arm", ["spend,bought"]))
    assert [one.kpi for one in found.outcomes] == ["spend,bought"]


# --- public experiments, as they look ---


def arms(**counts: int) -> np.ndarray:
    return np.repeat(list(counts), list(counts.values()))


def test_a_mobile_game_with_a_doubtful_sample_ratio():
    # 44,700 players met the gate at level 30 and 45,489 at level 40, planned 50 : 50.
    rng = np.random.default_rng(1)
    version = arms(gate_30=44_700, gate_40=45_489)
    kept = rng.random(len(version)) < np.where(version == "gate_30", 0.190, 0.220)
    rounds = np.floor(rng.lognormal(2.8, 1.5, len(version)))
    table = pd.DataFrame(
        {
            "userid": np.arange(len(version)) + 116,
            "version": version,
            "sum_gamerounds": rounds.astype(int),
            "retention_1": rng.random(len(version)) < 0.445,
            "retention_7": kept,
        }
    )
    asked = FlatQuestion(
        "version",
        ["retention_7", "retention_1"],
        unit="userid",
        guardrails={"sum_gamerounds": Margin(0.2)},
    )
    found = analyse(table, asked)
    assert found.srm.p_value == pytest.approx(stats.chisquare([44_700, 45_489]).pvalue, rel=1e-9)
    assert round(found.srm.p_value, 4) == 0.0086
    assert found.srm.state == "caution"
    assert found.control == "gate_30"
    assert outcome(found, "retention_7").verdict == "better"
    assert outcome(found, "sum_gamerounds").verdict == "non_inferior"
    assert (found.decision, found.rule) == ("needs_review", "sample_ratio_doubtful")
    assert any("Sample ratio doubtful" in warning for warning in found.warnings)


def test_a_landing_page_whose_users_come_twice():
    rng = np.random.default_rng(2)
    group = rng.choice(["control", "treatment"], 20_000)
    table = pd.DataFrame(
        {
            "user_id": np.arange(20_000) + 630_000,
            "timestamp": [
                str(dt.datetime(2017, 1, 2, tzinfo=dt.UTC) + dt.timedelta(minutes=int(m)))[:-6]
                + f".{m:06d}"
                for m in rng.integers(0, 22 * 1440, 20_000)
            ],
            "group": group,
            "landing_page": np.where(group == "control", "old_page", "new_page"),
            "converted": (rng.random(20_000) < 0.12).astype(int),
        }
    )
    twice = table.iloc[:300].copy()
    twice["group"] = np.where(twice.index < 200, "treatment", twice["group"])
    rows = pd.concat([table, twice])
    asked = FlatQuestion("group", ["converted"], unit="user_id", day="timestamp")
    found = analyse(rows, asked)
    crossed = int((table.group.iloc[:200] == "control").sum())
    assert found.crossovers == crossed
    assert found.decision == "do_not_ship"  # nothing was there to be seen
    assert len({look.date for look in found.looks}) == 22
    assert found.looks[-1].difference == pytest.approx(found.outcomes[0].difference, rel=1e-9)
    single = rows[~rows.user_id.isin(table.user_id.iloc[:200][table.group.iloc[:200] == "control"])]
    means = single.groupby("group").converted.mean()
    assert found.outcomes[0].difference == pytest.approx(means.treatment - means.control, rel=1e-9)


def test_an_advertising_test_of_96_to_4():
    rng = np.random.default_rng(3)
    group = arms(ad=56_458, psa=2_352)
    table = pd.DataFrame(
        {
            "user id": np.arange(len(group)),
            "test group": group,
            "converted": rng.random(len(group)) < np.where(group == "ad", 0.0256, 0.0179),
            "total ads": rng.geometric(1 / 25, len(group)),
        }
    )
    asked = FlatQuestion(
        "test group",
        ["converted"],
        unit="user id",
        control="psa",
        weights={"ad": 96, "psa": 4},
        guardrails={"total ads": Margin(0.5)},
        lower=["total ads"],
    )
    found = analyse(table, asked)
    assert found.srm.state == "ok"
    assert found.outcomes[0].verdict == "better"
    assert found.decision == "ship"
    equal = analyse(table, FlatQuestion("test group", ["converted"], control="psa"))
    assert (equal.srm.state, equal.decision) == ("fail", "invalid")


def test_a_display_test_with_few_conversions_and_many_features():
    rng = np.random.default_rng(4)
    n = 60_000
    table = pd.DataFrame(
        {f"f{i}": rng.normal(size=n).astype("float32") for i in range(12)}
        | {
            "treatment": (rng.random(n) < 0.85).astype("int8"),
            "conversion": (rng.random(n) < 0.0029).astype("int8"),
            "visit": (rng.random(n) < 0.047).astype("int8"),
        }
    )
    asked = FlatQuestion(
        "treatment",
        ["visit", "conversion"],
        covariates=[f"f{i}" for i in range(12)],
        weights={"0": 0.15, "1": 0.85},
    )
    found = analyse(table, asked)
    assert (found.control, found.srm.state) == ("0", "ok")
    plain = welch(table.assign(treatment=table.treatment.astype(str)), "visit", "treatment", "0")
    # Features that say nothing change nothing but the last digits.
    assert outcome(found, "visit").difference == pytest.approx(plain[0], abs=5e-4)


# --- whatever the table holds ---

NAMES = st.text(min_size=1, max_size=8).filter(lambda name: name.strip() == name)
WEIRD = [
    None,
    True,
    3,
    2.5,
    np.nan,
    np.inf,
    "1",
    "NA",
    "",
    " 7 ",
    "1e400",
    "x",
    dt.date(2026, 7, 1),
]
NUMBERS = {
    "whole": lambda rng, n: rng.integers(-3, 4, n),
    "share": lambda rng, n: rng.random(n) < 0.3,
    "amount": lambda rng, n: 1e6 * rng.normal(size=n),
    "skewed": lambda rng, n: np.floor(rng.lognormal(2, 2, n)),
    "text": lambda rng, n: rng.choice(["0", "1.5", "-2", " 7 "], n),
    "words": lambda rng, n: rng.choice(["true", "false", "1", "0"], n),
    "holes": lambda rng, n: np.where(rng.random(n) < 0.2, np.nan, rng.random(n)),
    "objects": lambda rng, n: rng.choice(np.array([None, 1, 2.5, "4"], object), n),
    "constant": lambda _, n: np.full(n, 3.0),
    "weird": lambda rng, n: rng.choice(np.array(WEIRD, object), n),
}
ARMS = [["a", "b"], ["a", "b", " ", None], [0, 1], [True, False], ["control", "b", "c"], ["x"]]


@st.composite
def tables(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n = draw(st.sampled_from([2, 5, 70, 500, 500]))
    arm, y, g, z, s, u = draw(st.lists(NAMES, min_size=6, max_size=6, unique=True))
    kind = st.sampled_from(list(NUMBERS))
    known = np.array(draw(st.sampled_from(ARMS)), object)
    table = pd.DataFrame(
        {
            arm: rng.choice(known, n),
            y: NUMBERS[draw(kind)](rng, n),
            g: NUMBERS[draw(kind)](rng, n),
            z: NUMBERS[draw(kind)](rng, n),
            s: rng.choice(np.array(["k", "l", None, ""], object), n),
            u: rng.integers(0, draw(st.sampled_from([3, 4 * n, 10**9])), n),
        }
    )
    rare = st.sampled_from([False, False, False, True])
    asked = FlatQuestion(
        arm,
        [y],
        guardrails={g: Margin(0.1)} if draw(rare) else {},
        covariates=[z] if draw(rare) else [],
        segments=[s] if draw(rare) else [],
        strata=[s] if draw(rare) else [],
        unit=u if draw(st.booleans()) else None,
        capping=draw(st.sampled_from([None, 0.9])),
        sequential="confidence_sequence" if draw(rare) else "none",
    )
    return table, asked


@settings(max_examples=120, deadline=None)
@given(tables())
def test_any_table_gives_the_right_numbers_or_one_sentence(drawn):
    table, asked = drawn
    try:
        found = analyse(table, asked)
    except FlatError as error:
        said = str(error)
        found = None
    if found is None:
        event("refused")
        assert "\n" not in said
        return
    as_contract(found)
    if asked.covariates or asked.strata:
        event("adjusted")
        return
    for one in found.outcomes[: len(found.variants) - 1]:
        if one.difference is None:
            event("no difference")
            continue
        expected = independent(table, asked, found.control, one.variant)
        sound = one.low is not None and asked.sequential == "none"
        event("an interval" if sound else f"none: {one.why}")
        assert one.difference == pytest.approx(expected[0], rel=1e-7, abs=1e-9)
        if sound:
            assert (one.low, one.high) == pytest.approx(expected[1:3], rel=1e-6, abs=1e-9)
            assert one.p_value == pytest.approx(expected[3], rel=1e-5, abs=1e-12)


def independent(table, asked, control, variant):
    """Difference, interval and p by pandas and SciPy: Welch's, by unit the delta method."""
    arm = table[asked.variant].map(lambda v: "" if v is None else str(v).strip())
    arm = arm.str.lower() if table[asked.variant].map(type).eq(bool).all() else arm
    rows = pd.DataFrame({"arm": arm, "y": table[asked.metrics[0]].map(as_number).astype(float)})
    rows["unit"] = table[asked.unit] if asked.unit else np.arange(len(rows))
    rows = rows[rows.arm != ""]
    rows = rows[rows.groupby("unit").arm.transform("nunique") == 1]
    several = rows.unit.duplicated().any()
    units = rows.groupby("unit").agg(arm=("arm", "first"), x=("y", "count"), y=("y", "sum"))
    if asked.capping:
        units["y"] = units.y.clip(upper=units.y[units.x > 0].quantile(asked.capping))
    if not several:
        units = units[units.x > 0]
    sides = []
    for name in (variant, control):
        mine = units[units.arm == name]
        r = mine.y.sum() / mine.x.sum()
        linear = (mine.y - r * mine.x) / mine.x.mean()
        sides.append((r, linear.var(ddof=1) / len(mine), len(mine) - 1))
    (t, vt, dt_), (c, vc, dc) = sides
    v = vt + vc
    df = v**2 / (vt**2 / dt_ + vc**2 / dc) if v > 0 else np.nan
    half = stats.t.ppf(0.975, df) * np.sqrt(v)
    p = 2 * stats.t.sf(abs(t - c) / np.sqrt(v), df) if v > 0 else np.nan
    return t - c, t - c - half, t - c + half, p


def as_number(value):
    words = {"true": 1.0, "false": 0.0, "": np.nan, "NA": np.nan, " 7 ": 7.0}
    if value is None or (isinstance(value, float) and isnan(value)):
        return np.nan
    return words[value] if value in words else float(value)


def _harmless(rows: int) -> pd.DataFrame:
    """The metric is better, and nothing else moves."""
    rng = np.random.default_rng(11)
    arm = np.where(np.arange(rows) % 2, "treatment", "control")
    return pd.DataFrame(
        {
            "arm": arm,
            "bought": (rng.random(rows) < np.where(arm == "treatment", 0.5, 0.3)).astype(int),
            "refunds": (rng.random(rows) < 0.05).astype(int),
            "spend": rng.normal(100, 1, rows),
        }
    )


def test_the_metric_that_decides_is_no_guardrail_of_itself():
    question = FlatQuestion("arm", ["bought"], guardrails={"bought": Margin(0.05)})
    with pytest.raises(FlatError, match='"bought" is the primary metric, which decides already'):
        analyse(_harmless(400), question)


def test_points_of_a_share_are_not_hundreds_of_points():
    question = FlatQuestion("arm", ["bought"], guardrails={"refunds": Margin(5, relative=False)})
    with pytest.raises(FlatError, match=r"5 of a share is 500 points; allowed: under 1"):
        analyse(_harmless(400), question)
    of_amounts = FlatQuestion("arm", ["bought"], guardrails={"spend": Margin(5, relative=False)})
    assert analyse(_harmless(400), of_amounts).decision == "ship"


@pytest.mark.parametrize(
    ("planned", "sequential", "metric", "decision"),
    [
        (None, "none", "bought", "ship"),
        (2_000, "none", "bought", "ship"),
        (200_000, "none", "bought", "keep_running"),
        (200_000, "none", "refunds", "keep_running"),
        (2_000, "none", "refunds", "do_not_ship"),
        (4_000, "confidence_sequence", "bought", "ship"),
        (4_000, "confidence_sequence", "refunds", "keep_running"),
    ],
)
def test_with_fewer_units_than_planned_it_is_still_running(planned, sequential, metric, decision):
    question = FlatQuestion(
        "arm",
        [metric],
        guardrails={"spend": Margin(0.05)},
        planned=planned,
        sequential=sequential,
    )
    assert analyse(_harmless(2_000), question).decision == decision


def test_who_gives_no_weights_is_asked_for_them_where_the_ratio_fails():
    uneven = _harmless(2_000).iloc[lambda rows: rows.index % 10 != 0]
    asked = analyse(uneven, FlatQuestion("arm", ["bought"]))
    assert asked.decision == "invalid"
    assert any("No weights were given" in note for note in asked.notes)
    given = FlatQuestion("arm", ["bought"], weights={"control": 4, "treatment": 5})
    assert not any("weights" in note for note in analyse(uneven, given).notes)


def test_nobody_differing_is_no_certainty():
    rows = pd.DataFrame({"arm": ["a", "b"] * 200, "y": [0, 1] * 200, "crash": [0, 0] * 200})
    question = FlatQuestion("arm", ["y"], guardrails={"crash": Margin(0.02, relative=False)})
    found = {one.kpi: one for one in analyse(rows, replace(question, lower=["crash"])).outcomes}
    assert found["y"].verdict == "better"
    assert 0.97 < found["y"].low < 1 < found["y"].high
    assert found["crash"].verdict == "non_inferior"
    assert found["crash"].high == pytest.approx(1.966 * (2 * 201 / 202**3) ** 0.5, rel=0.01)
