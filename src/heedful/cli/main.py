"""The commands: `heedful --help`."""

from __future__ import annotations

import os
import sys

import typer
from typer.core import TyperGroup

from heedful.cli import (
    actions,
    alerts,
    audit,
    data,
    drivers,
    experiment,
    findings,
    formats,
    measure,
    people,
    privacy,
    project,
    reconcile,
    serve,
)
from heedful.cli.printing import err

SAID = {
    "NotFoundError": 2,
    "FlatError": 1,
    "QueryError": 2,
    "LakeBusyError": 1,
    "DeliveryError": 1,
    "LedgerError": 1,
}
"""Errors whose message is for the person at the terminal, with their exit codes; by name, so that
the rooms they come from need not be loaded."""


DEBUG = "HEEDFUL_DEBUG"


class _InOrder(TyperGroup):
    """Commands in the order in which a newcomer meets them."""

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002 - Click's signature
        """As they were added."""
        return list(self.commands)


app = typer.Typer(
    cls=_InOrder,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help=(
        "Measure how much heed you pay to your customers: KPIs with intervals by journey stage "
        "and segment, and an empathy score that can be taken apart.\n\n"
        "Start with [bold]heedful demo[/bold], or [bold]heedful init my-project[/bold]."
    ),
)
app.command("demo", rich_help_panel="Begin")(project.demo)
app.command("init", rich_help_panel="Begin")(project.init)
app.command("serve", rich_help_panel="Begin")(serve.serve)
app.command("check", rich_help_panel="Begin")(project.check)
app.command("schema", rich_help_panel="Begin")(project.schema)
app.command("import", rich_help_panel="Data")(data.import_)
app.command("formats", rich_help_panel="Data")(formats.formats)
app.command("refresh", rich_help_panel="Data")(data.refresh)
app.command("rejected", rich_help_panel="Data")(data.rejected)
app.command("sql", rich_help_panel="Data")(data.sql)
app.command("reconcile", rich_help_panel="Data")(reconcile.reconcile)
app.command("kpis", rich_help_panel="Measure")(measure.kpis)
app.command("explain", rich_help_panel="Measure")(measure.explain)
app.command("audit", rich_help_panel="Measure")(audit.audit)
app.command("readings", rich_help_panel="Measure")(measure.readings)
app.command("score", rich_help_panel="Measure")(measure.score)
app.command("scale", rich_help_panel="Measure")(measure.scale)
app.command("drivers", rich_help_panel="Measure")(drivers.drivers)
app.add_typer(experiment.app, name="experiment", rich_help_panel="Prove")
app.command("annotate", rich_help_panel="Measure")(project.annotate)
app.command("findings", rich_help_panel="Act")(findings.findings)
app.add_typer(findings.app, name="finding", rich_help_panel="Act")
app.add_typer(actions.app, name="action", rich_help_panel="Act")
app.add_typer(alerts.app, name="alert", rich_help_panel="Act")
app.add_typer(people.person, name="person", rich_help_panel="People")
app.add_typer(people.token, name="token", rich_help_panel="People")
app.command("history", rich_help_panel="People")(people.history)
app.command("forget", rich_help_panel="Privacy")(privacy.forget)
app.command("export-customer", rich_help_panel="Privacy")(privacy.export_customer)
app.command("vacuum", rich_help_panel="Privacy")(privacy.vacuum)


def run() -> None:
    """Run a command; what is wrong is said in a line, with an exit code a script can use."""
    from heedful.definitions.problem import ProjectError

    try:
        app()
    except ProjectError as error:
        for problem in error.problems:
            err.print(str(problem), markup=False)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of a pipe, such as `head`, has had enough.
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        _stopped()
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        err.print(f"{error.strerror or error}{place}; nothing is half written", markup=False)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the last resort: no one is shown a traceback
        if "interrupted" in str(error).lower():  # DuckDB's word for Ctrl-C
            _stopped()
        code = SAID.get(type(error).__name__)
        code = 2 if getattr(error, "usage", False) else code
        if code is None:
            _broken(error)
        err.print(str(error), markup=False)
        sys.exit(code)


def _broken(error: Exception) -> None:
    """Say that it is our fault; the traceback is for us, where someone asks for it."""
    if os.environ.get(DEBUG):
        raise error
    name = type(error).__name__
    err.print(
        f"A fault of Heedful, not yours: {name}: {error}\nNothing is half written. Run it again "
        f"with {DEBUG}=1 to see where, and please report it.",
        markup=False,
    )
    sys.exit(70)


def _stopped() -> None:
    err.print("stopped; what was committed before stays, nothing is half written")
    sys.exit(130)


if __name__ == "__main__":
    run()
