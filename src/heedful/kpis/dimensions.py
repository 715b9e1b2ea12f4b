"""What KPIs can be broken down by: columns of their fact, or attributes of who it was."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heedful.definitions.parameters import substitute
from heedful.store import schema

if TYPE_CHECKING:
    from sqlglot import exp

    from heedful.definitions.parameters import Value
    from heedful.definitions.project_files import Definitions
    from heedful.definitions.segment import Segment

# Names and addresses single people out; times and numbers have no segments.
PRIVATE = frozenset({"email", "name", "customer_id", "account_id", "customer"})
WHO = "who"


@dataclass(frozen=True, slots=True)
class Who:
    """The view `who`: one row a customer with every attribute that is a dimension.

    Attributes:
        sql: Its SELECT over the prepared views `customers` and `accounts`.
        dimensions: Its dimensions.
    """

    sql: str
    dimensions: tuple[str, ...]


def who(definitions: Definitions, customers: Mapping[str, str], accounts: Mapping[str, str]) -> Who:
    """Everything that is known of customers and can be a dimension.

    Args:
        definitions: The project.
        customers: SQL type by column of the prepared customers.
        accounts: SQL type by column of the prepared accounts.

    Returns:
        A view with a row a customer; where several ids are one customer, the earliest counts.
    """
    items: dict[str, str] = {}
    for name in _labels(customers):
        items[name] = f'c."{name}"'
    for name in _labels(accounts):
        items.setdefault(name, f'a."{name}"')
    for name, segment in definitions.segments.items():
        alias, columns = ("c", customers) if segment.of == "customer" else ("a", accounts)
        items[name] = _cases(segment, alias, columns, definitions.rules.parameters())
    listed = "".join(f', {sql} AS "{name}"' for name, sql in items.items())
    sql = (
        f"SELECT c.customer, c.account_id AS account{listed} FROM ("
        "SELECT *, ROW_NUMBER() OVER (PARTITION BY customer ORDER BY signed_up_at, customer_id)"
        " AS place FROM customers) AS c"
        " LEFT JOIN (SELECT *, ROW_NUMBER() OVER (PARTITION BY account_id ORDER BY account_id)"
        " AS place FROM accounts) AS a ON c.account_id = a.account_id AND a.place = 1"
        " WHERE c.place = 1"
    )
    return Who(sql, tuple(items))


def from_tables() -> tuple[str, ...]:
    """The columns of customers and accounts by which every KPI can be broken down.

    >>> from_tables()
    ('country', 'plan', 'channel', 'device', 'industry', 'account_value', 'owner')
    """
    found = [
        name
        for table in ("customers", "accounts")
        for name in _labels({c.name: c.sql_type for c in schema.table(table).columns.values()})
    ]
    return tuple(dict.fromkeys(found))


def _labels(columns: Mapping[str, str]) -> list[str]:
    return [
        name
        for name, kind in columns.items()
        if kind == "VARCHAR" and name not in PRIVATE and not name.startswith("_")
    ]


def _cases(
    segment: Segment, alias: str, columns: Mapping[str, str], rules: Mapping[str, Value]
) -> str:
    from sqlglot import exp, parse_one

    texts = {name for name, kind in columns.items() if kind == "VARCHAR"}
    case = exp.Case()
    for value, condition in segment.cases.items():
        tree = substitute(parse_one(condition, dialect="duckdb"), rules)
        tree = comparing(tree, texts)
        for column in tree.find_all(exp.Column):
            column.set("table", exp.to_identifier(alias))
        case = case.when(tree, exp.Literal.string(value))
    if segment.otherwise is not None:
        case = case.else_(exp.Literal.string(segment.otherwise))
    return case.sql(dialect="duckdb")


def comparing(tree: exp.Expr, texts: Collection[str]) -> exp.Expr:
    """A condition in which attributes, which are text, can be compared with numbers.

    Args:
        tree: The condition.
        texts: Columns that hold text.

    >>> from sqlglot import parse_one
    >>> tree = parse_one("seats >= 500 AND plan = 'pro'", dialect="duckdb")
    >>> comparing(tree, {"seats", "plan"}).sql(dialect="duckdb")
    "TRY_CAST(seats AS DOUBLE) >= 500 AND plan = 'pro'"
    """
    from sqlglot import exp

    def number(node: exp.Expr | None) -> bool:
        while isinstance(node, exp.Neg | exp.Cast | exp.Paren):
            node = node.this
        return isinstance(node, exp.Literal) and not node.is_string

    def cast(node: exp.Expr) -> None:
        if isinstance(node, exp.Column) and node.name in texts:
            node.replace(exp.TryCast(this=node.copy(), to=exp.DataType.build("DOUBLE")))

    tree = tree.copy()
    for node in list(tree.find_all(exp.Binary, exp.Between, exp.In)):
        if isinstance(node, exp.Between):
            others = [node.args["low"], node.args["high"]]
        elif isinstance(node, exp.In):
            others = list(node.expressions)
        else:
            others = [node.expression]
            if number(node.this):
                cast(node.expression)
        if others and all(map(number, others)):
            cast(node.this)
    return tree
