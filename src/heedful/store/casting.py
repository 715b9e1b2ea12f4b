"""SQL that turns text, or a typed value, into a column's kind; null where it cannot be.

Casts never guess: a decimal comma is read only where the source declares one, and a day-first
date only where a format says so, because both would otherwise become another right-looking value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heedful.store.quoting import literal

if TYPE_CHECKING:
    from heedful.definitions.source import ReadOptions

BLANKS = "' \t\r\n\u00a0'"
TRUE = "('true', 't', 'yes', 'y', '1', '1.0')"
FALSE = "('false', 'f', 'no', 'n', '0', '0.0')"
# A time outside these years is a stand-in for "never", or an epoch in another unit.
FIRST, LAST = "1900-01-01", "2200-01-01"
DAY = r"(19|20|21)\d\d[-/]\d{1,2}[-/]\d{1,2}"
LOCAL = DAY + r"([ T]\d{1,2}:\d\d(:\d\d(\.\d{1,9})?)?)?"
OFFSET = DAY + r"[ T]\d{1,2}:\d\d(:\d\d(\.\d{1,9})?)? ?(Z|z|UTC|GMT|[+-]\d\d(:?\d\d)?)"
INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT"}
INTEGERS |= {"UINTEGER", "UBIGINT", "UHUGEINT"}
EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1, "epoch_ns": 0.001}
CLOCK = re.compile(r"%-?[HIMSpfgncXTs]")

HINTS = {
    "timestamp": "a time (ISO such as 2026-03-31 14:05, or as read.dates says; "
    f"{FIRST[:4]} to {LAST[:4]})",
    "integer": "a whole number",
    "number": "a number",
    "money": "an amount",
    "boolean": "true or false (allowed: true, false, yes, no, 1, 0)",
}


def cleaned(expression: str, sql_type: str, options: ReadOptions) -> str:
    """A value of a file; null where it is one of the source's null words, or not a number."""
    words = ", ".join(literal(word.strip()) for word in dict.fromkeys(("", *options.nulls)))
    if sql_type == "VARCHAR":
        trimmed = f"trim({expression}, {BLANKS})"
        return f"CASE WHEN {trimmed} NOT IN ({words}) THEN {trimmed} END"
    if sql_type in {"DOUBLE", "FLOAT"}:
        # isnan() trusts the statistics of Parquet files, which know nothing of NaN.
        number = f"isfinite({expression}) OR CAST({expression} AS VARCHAR) <> 'nan'"
        expression = f"CASE WHEN {number} THEN {expression} END"
    if set(options.nulls) <= {""}:
        return expression
    return f"CASE WHEN CAST({expression} AS VARCHAR) NOT IN ({words}) THEN {expression} END"


def cast(expression: str, sql_type: str, kind: str, options: ReadOptions, timezone: str) -> str:
    """A value as a column's kind.

    Args:
        expression: SQL of the value; evaluated more than once, so a column's name is best.
        sql_type: Its SQL type.
        kind: What it shall become.
        options: How the source writes numbers and dates.
        timezone: The timezone of times that name none.

    Returns:
        SQL that is null where the value cannot be read as that kind.
    """
    if kind == "string":
        return _text(expression, sql_type)
    if kind == "timestamp":
        return _timestamp(expression, sql_type, options, timezone)
    if kind == "boolean":
        return _boolean(expression, sql_type)
    number = _number(expression, sql_type, options)
    if kind == "money":
        return f"TRY_CAST({number} AS DECIMAL(18, 4))"
    if kind == "integer":
        if sql_type in INTEGERS:
            return f"TRY_CAST({expression} AS BIGINT)"
        whole = f"TRY_CAST({number} AS DOUBLE)"
        return f"CASE WHEN {whole} = floor({whole}) THEN TRY_CAST({number} AS BIGINT) END"
    double = f"TRY_CAST({number} AS DOUBLE)"
    return f"CASE WHEN isfinite({double}) THEN {double} END"


def _text(expression: str, sql_type: str) -> str:
    if sql_type == "VARCHAR":
        return expression
    if sql_type.endswith("]") or sql_type.startswith(("STRUCT", "MAP", "JSON")):
        return f"CAST(to_json({expression}) AS VARCHAR)"
    if sql_type in {"DOUBLE", "FLOAT"}:
        # Exports write whole numbers beside nulls as 12.0; as an id that is 12.
        whole = f"{expression} = floor({expression}) AND abs({expression}) < 1e15"
        as_text = f"CAST({expression} AS VARCHAR)"
        return (
            f"CASE WHEN {whole} THEN CAST(CAST({expression} AS BIGINT) AS VARCHAR)"
            f" ELSE {as_text} END"
        )
    return f"CAST({expression} AS VARCHAR)"


def _within(instant: str) -> str:
    return (
        f"CASE WHEN {instant} >= TIMESTAMPTZ '{FIRST} 00:00:00+00'"
        f" AND {instant} < TIMESTAMPTZ '{LAST} 00:00:00+00' THEN {instant} END"
    )


def _timestamp(expression: str, sql_type: str, options: ReadOptions, timezone: str) -> str:
    zone = literal(options.timezone or timezone)
    if sql_type.endswith("WITH TIME ZONE"):
        return _within(f"CAST({expression} AS TIMESTAMPTZ)")
    if sql_type.startswith("TIMESTAMP") or sql_type == "DATE":
        return _within(f"timezone({zone}, CAST({expression} AS TIMESTAMP))")
    text = expression if sql_type == "VARCHAR" else f"CAST({expression} AS VARCHAR)"
    tries = []
    for form in options.dates:
        if form in EPOCHS:
            number = f"TRY_CAST({expression} AS DOUBLE)"
            micros = f"TRY_CAST(round({number} * {EPOCHS[form]}) AS BIGINT)"
            if form == "epoch_ns":
                # A double cannot hold so many digits.
                micros = f"(TRY_CAST({expression} AS BIGINT) // 1000)"
            # make_timestamptz fails beyond its range, and so far no project's data goes.
            sane = f"CASE WHEN abs({micros}) < 1e17 THEN {micros} END"
            tries.append(_within(f"make_timestamptz({sane})"))
        else:
            parsed = f"try_strptime({text}, {literal(form)})"
            tries.append(_within(parsed if "%z" in form else f"timezone({zone}, {parsed})"))
    if _iso(options):
        tries.append(_from_iso(text, zone))
    return tries[0] if len(tries) == 1 else f"coalesce({', '.join(tries)})"


def _iso(options: ReadOptions) -> bool:
    """Whether ISO is read too: nobody mistakes it, unless a format begins with the year itself."""
    return not any(form.startswith("%Y") for form in options.dates)


def _from_iso(text: str, zone: str) -> str:
    offset = literal(f"^{OFFSET}$")
    local = literal(f"^{LOCAL}$")
    plain = f"regexp_replace(regexp_replace({text}, ' ?(Z|z|UTC|GMT)$', '+00'), ' ([+-])', '\\1')"
    return (
        f"CASE WHEN regexp_matches({text}, {local})"
        f" THEN timezone({zone}, TRY_CAST({text} AS TIMESTAMP))"
        f" WHEN regexp_matches({text}, {offset}) THEN TRY_CAST({plain} AS TIMESTAMPTZ) END"
    )


def day(text: str, options: ReadOptions) -> str:
    """Text as a day without a time of the day; null where it is more or less than that."""
    forms = [f for f in options.dates if f not in EPOCHS and not CLOCK.search(f) and "%z" not in f]
    tries = [f"TRY_CAST(try_strptime({text}, {literal(form)}) AS DATE)" for form in forms]
    if _iso(options):
        iso = literal(f"^{DAY}$")
        tries.append(f"CASE WHEN regexp_matches({text}, {iso}) THEN TRY_CAST({text} AS DATE) END")
    return f"coalesce({', '.join([*tries, 'CAST(NULL AS DATE)'])})"


def instant(text: str, options: ReadOptions, timezone: str) -> str:
    """Text as a time; numbers are none here, though they may be counted from an epoch."""
    forms = tuple(form for form in options.dates if form not in EPOCHS)
    if options.dates and not forms and not _iso(options):
        return "CAST(NULL AS TIMESTAMPTZ)"
    return cast(text, "VARCHAR", "timestamp", options.model_copy(update={"dates": forms}), timezone)


def _boolean(expression: str, sql_type: str) -> str:
    if sql_type == "BOOLEAN":
        return expression
    text = f"lower(CAST({expression} AS VARCHAR))"
    return f"CASE WHEN {text} IN {TRUE} THEN true WHEN {text} IN {FALSE} THEN false END"


def _number(expression: str, sql_type: str, options: ReadOptions) -> str:
    return number_text(expression, options) if sql_type == "VARCHAR" else expression


def number_text(expression: str, options: ReadOptions) -> str:
    """Text of a number as the source writes it, with a decimal point and nothing else; or null."""
    comma = options.decimal == ","
    thousands = options.thousands or ("." if comma else None)
    point = "," if comma else r"\."
    if thousands is None:
        pattern = rf"^[+-]?(\d+({point}\d*)?|{point}\d+)([eE][+-]?\d+)?$"
        plain = expression
    else:
        mark = {".": r"\.", " ": "[ \u00a0\u202f]"}.get(thousands, thousands)
        whole = rf"(\d{{1,3}}({mark}\d{{3}})+|\d+)"
        pattern = rf"^[+-]?({whole}({point}\d*)?|{point}\d+)([eE][+-]?\d+)?$"
        plain = f"regexp_replace({expression}, {literal(mark)}, '', 'g')"
    if comma:
        plain = f"replace({plain}, ',', '.')"
    return f"CASE WHEN regexp_matches({expression}, {literal(pattern)}) THEN {plain} END"
