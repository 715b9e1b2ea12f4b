"""SQL that turns text, or a typed value, into a column's kind; null where it cannot be.

Casts never guess: a decimal comma is read only where the source declares one, and a day-first
date only where a format says so, because both would otherwise become another right-looking value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heedful.definitions.source import ReadOptions

BLANKS = "' \t\r\n\u00a0'"
TRUE = "('true', 't', 'yes', 'y', '1', '1.0')"
FALSE = "('false', 'f', 'no', 'n', '0', '0.0')"
OFFSET = r"'\d:\d\d(:\d\d(\.\d+)?)? ?(Z|UTC|GMT|[+-]\d\d(:?\d\d)?)$'"
ISO = r"'^\d{4}[-/]\d{1,2}[-/]\d{1,2}'"
INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT"}
INTEGERS |= {"UINTEGER", "UBIGINT", "UHUGEINT"}
EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}

HINTS = {
    "timestamp": "a time (ISO such as 2026-03-31 14:05, or as read.dates says)",
    "integer": "a whole number",
    "number": "a number",
    "money": "an amount",
    "boolean": "true or false (allowed: true, false, yes, no, 1, 0)",
    "string": "text",
}


def literal(value: str) -> str:
    """A SQL string.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A SQL identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def cleaned(expression: str, options: ReadOptions) -> str:
    """Text without outer blanks; null where it is one of the source's null words."""
    trimmed = f"trim({expression}, {BLANKS})"
    words = ", ".join(literal(word.strip()) for word in dict.fromkeys(("", *options.nulls)))
    return f"CASE WHEN {trimmed} NOT IN ({words}) THEN {trimmed} END"


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
        return f"CASE WHEN {whole} THEN CAST(CAST({expression} AS BIGINT) AS VARCHAR) ELSE {as_text} END"
    return f"CAST({expression} AS VARCHAR)"


def _timestamp(expression: str, sql_type: str, options: ReadOptions, timezone: str) -> str:
    zone = literal(options.timezone or timezone)
    if sql_type == "TIMESTAMP WITH TIME ZONE":
        return expression
    if sql_type.startswith("TIMESTAMP") or sql_type == "DATE":
        return f"timezone({zone}, CAST({expression} AS TIMESTAMP))"
    epoch = next((EPOCHS[name] for name in options.dates if name in EPOCHS), None)
    if sql_type != "VARCHAR":
        if epoch is None:
            return "CAST(NULL AS TIMESTAMPTZ)"
        return _epoch(f"TRY_CAST({expression} AS DOUBLE)", epoch)
    formats = [literal(fmt) for fmt in options.dates if fmt not in EPOCHS]
    tries = []
    if epoch is not None:
        tries.append(_epoch(f"TRY_CAST({expression} AS DOUBLE)", epoch))
    tries += [_parsed(expression, fmt, zone) for fmt in formats]
    if not options.dates:
        tries.append(
            f"CASE WHEN regexp_matches({expression}, {OFFSET})"
            f" THEN TRY_CAST({expression} AS TIMESTAMPTZ)"
            f" WHEN regexp_matches({expression}, {ISO})"
            f" THEN timezone({zone}, TRY_CAST({expression} AS TIMESTAMP)) END"
        )
    return tries[0] if len(tries) == 1 else f"coalesce({', '.join(tries)})"


def _parsed(expression: str, fmt: str, zone: str) -> str:
    parsed = f"try_strptime({expression}, {fmt})"
    return parsed if "%z" in fmt else f"timezone({zone}, {parsed})"


def _epoch(number: str, microseconds: int) -> str:
    return f"make_timestamptz(TRY_CAST(round({number} * {microseconds}) AS BIGINT))"


def _boolean(expression: str, sql_type: str) -> str:
    if sql_type == "BOOLEAN":
        return expression
    text = f"lower(CAST({expression} AS VARCHAR))"
    return f"CASE WHEN {text} IN {TRUE} THEN true WHEN {text} IN {FALSE} THEN false END"


def _number(expression: str, sql_type: str, options: ReadOptions) -> str:
    if sql_type != "VARCHAR":
        return expression
    return number_text(expression, options)


def number_text(expression: str, options: ReadOptions) -> str:
    """Text of a number as the source writes it, with a decimal point and nothing else; or null."""
    comma = options.decimal == ","
    thousands = options.thousands or ("." if comma else None)
    point = "," if comma else r"\."
    if thousands is None:
        pattern = rf"^[+-]?(\d+({point}\d*)?|{point}\d+)([eE][+-]?\d+)?$"
        plain = expression
    else:
        mark = {".": r"\."}.get(thousands, thousands)
        space = "[ \u00a0\u202f]" if thousands == " " else mark
        whole = rf"(\d{{1,3}}({space}\d{{3}})+|\d+)"
        pattern = rf"^[+-]?({whole}({point}\d*)?|{point}\d+)([eE][+-]?\d+)?$"
        plain = f"regexp_replace({expression}, {literal(space)}, '', 'g')"
    if comma:
        plain = f"replace({plain}, ',', '.')"
    return f"CASE WHEN regexp_matches({expression}, {literal(pattern)}) THEN {plain} END"
