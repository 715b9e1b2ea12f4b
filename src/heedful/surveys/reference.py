"""The reference of instruments, written from their files: `python -m heedful.surveys.reference`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from heedful.definitions.instrument import POINTS_AT_MOST, Instrument
from heedful.definitions.wording import wording
from heedful.surveys.catalogue import instruments

INTRODUCTION = f"""\
# Survey instruments

An instrument is a question that is asked again and again in the same words, so that its answers
can be compared. Answers name it under `instrument` ([tables.md](tables.md)), and KPIs are measured
over them ([kpis.md](kpis.md)). Those below come with the program, one file each in
[`src/heedful/surveys/instruments`](../src/heedful/surveys/instruments). This page is made by
`make docs`.

## How answers are read

- **Scale.** An answer has the scale that its source names in `scale_min` and `scale_max`, else
  that of its instrument. Nothing is stretched: a share of top boxes counts boxes of the scale
  that was on offer.
- **Top boxes** are as many of the highest answers as the instrument says, but never more than
  half of those on offer: of five answers two, of three one, of thumbs up and down one.
- **Direction.** The highest answer is always the one that the instrument calls high. A survey
  that was asked the other way round (1 = very easy) says so: `scale_reversed: {{constant: true}}`
  in its source, and its answers are turned when they are read. What was given stays in the table.
- **Refused**, with the reason in `rejected_rows`, are answers outside their scale (a 99 for "no
  answer"), a `scale_min` that is not below `scale_max`, scales of more than {POINTS_AT_MOST} points
  where the instrument has no more, and NPS on another scale than 0 to 10.
- An instrument that nobody has described has no scale of its own and no top boxes. Its answers
  are kept, and can be measured by a KPI that says how.

## An instrument of your own

A file `instruments/<name>.yaml` in a project adds one; one with the name of a built-in instrument
takes its place, so that the question can stand there as you ask it. `heedful check` reads it,
and `heedful schema instrument` prints its JSON Schema.

```yaml
# instruments/mood.yaml
title: Mood
measures: How somebody feels after a talk with the chatbot.
question: How do you feel now?
scale: {{min: 0, max: 100, low: Very bad, high: Very good}}
top: 20                     # 81 to 100 count
ask: Of one talk in ten, when it ends.
```

A KPI over it:

```yaml
# kpis/mood.yaml
like: csat
title: Mood after a talk
says: Share of people who feel good after a talk with the chatbot.
where: "instrument = 'mood'"
target: 60%
owner: cx
playbook: csat
```

| field | holds | default | |
|---|---|---|---|
"""


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join([INTRODUCTION + _fields(), *_sections()]).rstrip() + "\n"


def _fields() -> str:
    """The rows of a table of all fields, from the model."""
    rows = []
    for name, field in Instrument.model_fields.items():
        if name in Instrument.unwritten:
            continue
        default = "**needed**" if field.is_required() else _shown(field.default)
        says = " ".join(wording(Instrument, name).split())
        rows.append(f"| `{name}` | {HOLDS[name]} | {default} | {says} |")
    return "\n".join(rows) + "\n"


HOLDS = {
    "title": "text",
    "measures": "text",
    "question": "text",
    "scale": "`{min, max, low, high}`",
    "better": "`higher`, `lower`",
    "top": "whole number",
    "fixed": "`true`, `false`",
    "ask": "text or null",
    "source": "text or null",
}


def _shown(default: object) -> str:
    if default is None:
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _sections() -> Iterator[str]:
    yield "## Built-in instruments\n"
    for one in instruments().values():
        scale = one.scale
        first = scale.max - one.top + 1
        count = f"{first} to {scale.max}" if one.top > 2 else f"{first} and {scale.max}"
        yield f"### `{one.id}`: {one.title}\n"
        yield f"> {one.question}\n"
        yield f"{one.measures}\n"
        only = ", and on no other scale" if one.fixed else ""
        yield f"- {scale.min} ({scale.low}) to {scale.max} ({scale.high}){only}."
        yield f"- Top boxes: {count}; {one.better} is better."
        if one.ask:
            yield f"- When to ask: {one.ask}"
        if one.source:
            yield f"- Source: {one.source}"
        yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
