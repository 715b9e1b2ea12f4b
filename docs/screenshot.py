"""Draws `docs/demo.svg`, the picture in the README, from the project that `make demo` made."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import heedful
from heedful.cli.demonstration import show_scores
from heedful.cli.printing import out

project = heedful.open(sys.argv[1])
out.record = True
out.width = 92
out.print(f"$ make demo\n\n[bold]{project.name}[/bold]: every number below is simulated.\n")
show_scores(project)
# The picture must not fetch a font from anywhere.
svg = re.sub(r"\s*@font-face \{.*?\}", "", out.export_svg(title="heedful demo"), flags=re.DOTALL)
Path(__file__).with_name("demo.svg").write_text(svg, encoding="utf-8")
