"""Instruments, and how answers on any scale are read."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.definitions.instrument import AnswerScale, Instrument
from heedful.surveys.catalogue import FOLDER, instruments
from heedful.surveys.scales import scaled

KNOWN = instruments()
# What the columns of an answer may hold: an instrument, a score, a scale, its direction.
NUMBERS = st.none() | st.integers(-1, 11).map(float)


def test_every_file_is_an_instrument():
    assert sorted(KNOWN) == sorted(path.stem for path in FOLDER.glob("*.yaml"))
    for one in KNOWN.values():
        assert one.question.endswith(("?", "."))
        assert one.measures.endswith(".")
        assert one.ask
        assert (one.better == "lower") == (one.id == "intrusive")


def test_what_counts_is_what_was_published():
    """NPS counts 9 and 10; CES 2.0 counts 5 to 7; the others their top two of five."""
    counted = {
        name: (one.scale.min, one.scale.max, one.scale.max - one.top + 1)
        for name, one in KNOWN.items()
    }
    assert counted.pop("nps") == (0, 10, 9)
    assert counted.pop("ces") == (1, 7, 5)
    assert set(counted.values()) == {(1, 5, 4)}


def read(rows: list[tuple]) -> list[tuple]:
    """Score, scale and boxes of answers as facts see them."""
    names = ("instrument", "score", "scale_min", "scale_max", "scale_reversed")
    kinds = ("VARCHAR", "DOUBLE", "DOUBLE", "DOUBLE", "BOOLEAN")
    listed = ", ".join(f"{n} {kind}" for n, kind in zip(names, kinds, strict=True))
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE answers (nr INTEGER, {listed})")
    connection.executemany(
        "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)",
        [(nr, *row) for nr, row in enumerate(rows)],
    )
    sql = scaled("SELECT * FROM answers", ("nr", *names), KNOWN)
    return connection.execute(
        f"SELECT score, scale_min, scale_max, boxes FROM ({sql}) ORDER BY nr"
    ).fetchall()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*KNOWN, "mood"]),
            NUMBERS,
            NUMBERS,
            NUMBERS,
            st.sampled_from([None, True, False]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_answers_are_read_as_their_instrument_says(rows):
    for (name, score, least, most, turned), found in zip(rows, read(rows), strict=True):
        one = KNOWN.get(name)
        low = one.scale.min if least is None and one else least
        high = one.scale.max if most is None and one else most
        known = None not in (low, high)
        if turned and score is not None:
            score = low + high - score if known else None
        boxes = one.boxes(low, high) if one and known and high > low else None
        assert found == (score, low, high, boxes)


@pytest.mark.parametrize(
    ("row", "top"),
    [
        (("csat", 4.0, None, None, None), True),
        (("csat", 3.0, None, None, None), False),
        (("csat", 3.0, 1.0, 3.0, None), True),
        (("csat", 2.0, 1.0, 3.0, None), False),
        (("csat", 1.0, 0.0, 1.0, None), True),  # thumbs up
        (("csat", 0.0, 0.0, 1.0, None), False),  # thumbs down
        (("csat", 9.0, 0.0, 10.0, None), True),
        (("csat", 8.0, 0.0, 10.0, None), False),
        (("ces", 5.0, None, None, None), True),
        (("ces", 4.0, None, None, None), False),
        (("ces", 4.0, 1.0, 5.0, None), True),
        (("ces", 3.0, 1.0, 5.0, None), False),  # neither easy nor hard
        (("ces", 1.0, 1.0, 5.0, True), True),  # very low effort
        (("ces", 5.0, 1.0, 5.0, True), False),
        (("mood", 5.0, 1.0, 5.0, None), None),  # nobody said what counts
    ],
)
def test_top_boxes_of_any_scale(row, top):
    ((score, _, high, boxes),) = read([row])
    assert (None if boxes is None else score > high - boxes) is top


def test_more_than_half_of_the_answers_are_not_the_top():
    scale = AnswerScale(min=1, max=5, low="no", high="yes")
    with pytest.raises(
        ValueError, match=r"top 3 of 5 answers is more than half of them; allowed: 1"
    ):
        Instrument(id="a", title="t", measures="m", question="q", scale=scale, top=3)
    with pytest.raises(ValueError, match=r"min 5 is not below max 1"):
        AnswerScale(min=5, max=1, low="no", high="yes")
