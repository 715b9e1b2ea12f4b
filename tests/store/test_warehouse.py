"""Rows of a real PostgreSQL: every type, every refusal, one moment, and no password anywhere."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg import sql as pg

from heedful.store import warehouse
from heedful.store.source_error import SourceError

SECRET = "gehe/im @1"
ORDERS = {"order_id": "id", "ordered_at": "at", "amount": "amount"}


@pytest.fixture(scope="module")
def shop(server):
    """A database with a role that may only read, and that must say a password."""
    url = server.fresh()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TYPE state AS ENUM ('open', 'paid');"
            "CREATE TYPE place AS (city text, zip text);"
            "CREATE DOMAIN cents AS bigint;"
            "CREATE SCHEMA hidden; CREATE TABLE hidden.orders (id int);"
            "CREATE TABLE orders (id text PRIMARY KEY, at timestamptz, amount numeric(12,2),"
            " who text)"
        )
        with contextlib.suppress(psycopg.errors.DuplicateObject):
            connection.execute(
                pg.SQL("CREATE ROLE reader LOGIN PASSWORD {}").format(pg.Literal(SECRET))
            )
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        hba = Path(server.folder, "data", "pg_hba.conf")
        if "reader" not in hba.read_text():
            hba.write_text(f"local all reader scram-sha-256\n{hba.read_text()}")
            connection.execute("SELECT pg_reload_conf()")
    return url


def run(url, *statements):
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def failure(project, **given):
    """What an import that cannot be done says; nothing of it is left."""
    given.setdefault("table", "orders")
    given.setdefault("columns", ORDERS)
    with pytest.raises(SourceError) as error:
        project.run(**given)
    assert SECRET not in str(error.value)
    assert "gehe%2Fim" not in str(error.value)
    assert not list((project.root / "data" / "staging").iterdir())
    return error.value


def test_every_type_comes_as_it_is(project, shop):
    run(
        shop,
        "DROP TABLE IF EXISTS kinds",
        "CREATE TABLE kinds (id uuid, at timestamptz, local timestamp, day date,"
        " amount numeric(30,10), plain numeric, big bigint, ratio double precision, small real,"
        " flag boolean, state state, tags text[], payload jsonb, raw json, home place, price cents,"
        " label char(6), span interval, note text, paid money)",
        "INSERT INTO kinds VALUES ('6f1ab2c0-0000-4000-8000-000000000001',"
        " '2024-07-01 12:00:00.123456+02', '2024-07-01 12:00', '2024-07-02',"
        " 12345678901234567890.1234567890, 0.10, 9007199254740993, 0.1, 1.5, true, 'paid',"
        ' ARRAY[\'a,b\', NULL, \'c"d\'], \'{"a": {"b": 1.10}, "list": [1, null], "no": null}\','
        " '{\"a\":  1}', ROW('Köln', '050'), 42, 'ab', '1 day 02:00',"
        " E'two\\nlines \\\\ \\t', 1234.5)",
    )
    names = [
        *("local", "day", "amount", "plain", "big", "ratio", "small", "flag", "state", "tags"),
        *("payload", "payload.a.b", "payload.list", "payload.no", "raw.a", "home", "home.city"),
        *("home.zip", "price", "label", "span", "note", "paid"),
    ]
    attributes = {re.sub(r"\W", "_", name) + "_": name for name in names}
    done = project.run(
        table="orders",
        path=shop,
        relation="kinds",
        columns={"order_id": "id", "ordered_at": "at", "amount": "1"},
        attributes=attributes,
    )
    assert (done.inserted, done.rejected, done.notes) == (1, 0, ())
    found = dict(
        zip(
            names,
            project.sql(f"SELECT {', '.join(attributes)} FROM t", "orders")[0],
            strict=True,
        )
    )
    assert project.sql("SELECT order_id, ordered_at::VARCHAR FROM t", "orders") == [
        ("6f1ab2c0-0000-4000-8000-000000000001", "2024-07-01 10:00:00.123456+00")
    ]
    assert found == {
        "local": "2024-07-01 12:00:00",
        "day": "2024-07-02",
        "amount": "12345678901234567890.1234567890",
        "plain": "0.10",
        "big": "9007199254740993",
        "ratio": "0.1",
        "small": "1.5",
        "flag": "true",
        "state": "paid",
        "tags": '["a,b",null,"c\\"d"]',
        "payload": '{"a": {"b": 1.10}, "no": null, "list": [1, null]}',
        "payload.a.b": "1.10",
        "payload.list": "[1, null]",
        "payload.no": None,
        "raw.a": "1",
        "home": '{"city":"Köln","zip":"050"}',
        "home.city": "Köln",
        "home.zip": "050",
        "price": "42",
        "label": "ab",
        "span": "P1DT2H",
        "note": "two\nlines \\",
        "paid": "1234.50",
    }


def test_expressions_see_the_types_of_the_database(project, shop):
    run(
        shop,
        "DROP TABLE IF EXISTS typed",
        "CREATE TABLE typed (id int, at timestamp, amount numeric(20,4), ok boolean, zip text)",
        "INSERT INTO typed VALUES (1, '2024-07-01 12:00', 90071992547409.9301, true, '0451')",
    )
    done = project.run(
        table="orders",
        path=shop,
        relation="typed",
        columns={
            "order_id": "id + 1",
            "ordered_at": "at + INTERVAL 1 DAY",
            "amount": "amount + 0.0001",
            "is_test": "NOT ok",
            "status": "zip || '!'",
        },
        where="at < '2025-01-01' AND amount > 1",
        read={"timezone": "America/New_York"},
    )
    assert done.inserted == 1
    assert project.sql(
        "SELECT order_id, ordered_at::VARCHAR, amount, is_test, status FROM t", "orders"
    ) == [("2", "2024-07-02 16:00:00+00", Decimal("90071992547409.9302"), False, "0451!")]


def test_what_is_no_value_is_a_rejected_row(project, shop):
    run(
        shop,
        "DROP TABLE IF EXISTS odd",
        "CREATE TABLE odd (id int, at timestamptz, amount numeric(12,2), ratio float8, until date)",
        "INSERT INTO odd VALUES (1, '2024-01-01', 1, 1, 'infinity'), (2, 'infinity', 1, 1, NULL),"
        " (3, '-infinity', 1, 1, NULL), (4, '2024-01-01', 'NaN', 1, NULL),"
        " (5, '2024-01-01', 1, 'NaN', NULL), (6, '2024-01-01', 1, '-Infinity', NULL),"
        " (7, '0044-03-15 BC', 1, 1, NULL), (8, '12024-01-01', 1, 1, NULL),"
        " (9, NULL, 1, 1, NULL), (10, '2024-01-01', 1, NULL, NULL)",
    )
    done = project.run(
        table="orders",
        path=shop,
        relation="odd",
        columns={
            "order_id": "id",
            "ordered_at": "at",
            "amount": "amount * 2",
            "refunded_amount": "ratio",
        },
    )
    assert (done.read, done.inserted, done.rejected) == (10, 2, 8)
    assert project.column("order_id", "orders") == ["1", "10"]
    reasons = {re.search(r'"id":"(\d+)"', bad.values)[1]: bad for bad in project.rejected()}
    assert reasons["2"].reason.startswith('ordered_at: "infinity" is not a time')
    assert reasons["3"].reason.startswith('ordered_at: "-infinity" is not a time')
    assert 'amount: "NaN" is not a number' in reasons["4"].reason
    assert reasons["5"].reason.startswith('refunded_amount: "NaN" is not an amount')
    assert reasons["6"].reason.startswith('refunded_amount: "-Infinity" is not an amount')
    assert '"0044-03-15 00:00:00+00 BC" is not a time' in reasons["7"].reason
    assert '"12024-01-01 00:00:00+00" is not a time' in reasons["8"].reason
    assert reasons["9"].reason == "ordered_at is empty; every row of orders needs it"
    place = f"postgresql://{Path(shop.split('host=')[1])}/{shop.split('/')[3].split('?')[0]} odd"
    assert {(bad.file, bad.line) for bad in project.rejected()} == {(place, None)}


def test_bytes_are_left_out_unless_they_are_wanted(project, shop):
    run(
        shop,
        "DROP TABLE IF EXISTS pictures",
        "CREATE TABLE pictures (id int, at date, amount int, photo bytea)",
        "INSERT INTO pictures VALUES (1, '2024-01-01', 1, '\\xff00')",
    )
    given = {"table": "orders", "path": shop, "relation": "pictures", "columns": ORDERS}
    done = project.run(**given)
    assert (done.inserted, done.notes) == (1, ("photo holds bytes (bytea) and is left out",))
    error = failure(project, **given, attributes={"picture": "photo"})
    assert error.path == ("attributes", "picture")
    assert "holds bytes (bytea)" in error.found
    assert "encode(photo, 'hex')" in error.allowed
    project.put("q.sql", "SELECT id, at, amount, encode(photo, 'hex') AS photo FROM pictures;\n")
    given = {**given, "relation": None, "query": "q.sql", "attributes": {"picture": "photo"}}
    assert project.run(**given).updated == 1
    assert project.column("picture", "orders") == ["ff00"]


def test_importing_again_changes_what_changed(project, shop):
    run(
        shop,
        "TRUNCATE orders",
        "INSERT INTO orders SELECT n, '2024-01-01'::date + n, n, 'ida'"
        " FROM generate_series(1, 50) n",
    )
    given = {"table": "orders", "path": shop, "relation": "orders", "columns": ORDERS}
    assert project.run(**given).inserted == 50
    version = project.version("orders")
    assert project.run(**given).unchanged == 50
    assert project.version("orders") == version
    run(shop, "UPDATE orders SET amount = 0 WHERE id = '7'", "DELETE FROM orders WHERE id = '9'")
    done = project.run(**given, where="amount >= 0 AND id <> '11'")
    assert (done.read, done.updated, done.unchanged, done.left_out) == (49, 1, 47, 1)
    generated = {"replace": "all", "key": "generated", "columns": {**ORDERS, "customer_id": "who"}}
    generated["columns"].pop("order_id")
    assert project.run("g", **{**given, **generated}).inserted == 49
    assert project.run("g", **{**given, **generated}).unchanged == 49
    run(shop, "DELETE FROM orders WHERE id = '8'")
    assert project.run("g", **{**given, **generated}).deleted == 1


def test_the_select_of_a_source_reads_what_the_database_gave(project, shop):
    run(
        shop,
        "TRUNCATE orders",
        "INSERT INTO orders VALUES ('a', '2024-01-01', 1.10, 'i'), ('a2', '2024-01-03', 2.20, 'i'),"
        " ('b', '2024-01-05', 'NaN', 'j')",
    )
    project.put(
        "s.sql",
        "SELECT who AS order_id, min(at) AS ordered_at, sum(amount) AS amount"
        " FROM files GROUP BY who",
    )
    done = project.run(table="orders", path=shop, relation="public.orders", sql="s.sql")
    assert (done.inserted, done.rejected) == (1, 1)
    assert project.sql("SELECT order_id, amount FROM t", "orders") == [("i", Decimal("3.3000"))]
    assert 'amount: "NaN" is not' in project.rejected()[0].reason


def test_an_empty_table_and_one_whose_columns_share_a_name(project, shop):
    run(shop, "TRUNCATE orders")
    given = {"table": "orders", "path": shop, "columns": ORDERS}
    assert project.run(**given, relation="ORDERS").read == 0
    project.put("q.sql", "SELECT 1 AS id, 2 AS id, date '2024-01-01' AS at, 3 AS amount -- end")
    given["columns"] = {**ORDERS, "status": "id_2"}
    assert project.run(**given, query="q.sql").inserted == 1
    assert project.column("status", "orders") == ["2"]


def test_one_moment_is_read_whatever_happens_meanwhile(project, shop, monkeypatch):
    monkeypatch.setattr(warehouse, "BATCH_ROWS", 1_000)
    run(
        shop,
        "TRUNCATE orders",
        "INSERT INTO orders SELECT n, '2024-01-01', 1, repeat('x', 500)"
        " FROM generate_series(1, 20000) n",
    )
    done = []

    def read(size):
        if not done:
            done.append(size)
            run(
                shop,
                "UPDATE orders SET amount = 2",
                "DELETE FROM orders WHERE id::int % 2 = 0",
                "INSERT INTO orders VALUES ('new', '2024-01-01', 5, 'y')",
            )

    folder = project.root / "raw"
    folder.mkdir()
    from heedful.definitions.source import Source

    source = Source(name="s", table="orders", path=shop, relation="orders")
    raw = warehouse.read(source, project.root, folder, [], read)
    import pyarrow.parquet as pq

    rows = pq.read_table(raw.parts[0])
    assert done == [min(done)]
    assert (raw.rows, rows.num_rows, len(set(rows["id"].to_pylist()))) == (20_000,) * 3
    assert set(rows["amount"].to_pylist()) == {"1.00"}


MEASURED = """
import resource, sys
from pathlib import Path
from heedful.definitions.source import Source
from heedful.store import warehouse

for count in (40_000, 200_000):
    folder = Path(sys.argv[1]) / f"raw{count}"
    folder.mkdir()
    (folder.parent / "q.sql").write_text(
        "SELECT n::text AS id, now() AS at, n AS amount, lpad(n::text, 256, 'x') AS who"
        f" FROM generate_series(1, {count}) n"
    )
    source = Source(name="s", table="orders", path=sys.argv[2], query="q.sql")
    assert warehouse.read(source, folder.parent, folder, []).rows == count
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_is_that_of_a_batch(project, shop):
    """Two batches of 20,000 rows need as much memory as ten of them; all would be 100 MB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(project.root), shop], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    few, many = (int(line) for line in done.stdout.split())
    assert many - few < 25_000


KILLED = """
import sys
from pathlib import Path
from heedful.definitions.source import Source
from heedful.store import warehouse
from heedful.store.importing import Importer
from heedful.store.lake import Lake

root, url = Path(sys.argv[1]), sys.argv[2]
warehouse.BATCH_ROWS = 500
importer = Importer(root, Lake(root / "data/tables"), Lake(root / "data/books"),
                    root / "data/staging", "UTC", {})
source = Source(name="s", table="orders", path=url, relation="orders",
                columns={"order_id": ("id",), "ordered_at": ("at",), "amount": ("amount",)})
importer.run(source, lambda what, done, all_: print(what, flush=True))
"""


@pytest.mark.parametrize("stage", ["reading", "comparing"])
def test_a_killed_import_leaves_nothing(project, shop, stage):
    run(
        shop,
        "TRUNCATE orders",
        "INSERT INTO orders SELECT n, '2024-01-01', 1, repeat('x', 200)"
        " FROM generate_series(1, 5000) n",
    )
    given = {"table": "orders", "path": shop, "relation": "orders", "columns": ORDERS}
    project.run(**{**given, "where": "id = '1'"})
    before = project.version("orders")
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(project.root), shop], stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if line.strip() == stage:
            break
    process.kill()
    assert process.wait() == -9
    assert project.version("orders") == before
    assert project.run(**given).inserted == 4999


@pytest.mark.parametrize(
    ("given", "path", "found", "allowed"),
    [
        ({"relation": "ordes"}, "relation", 'no table or view "ordes" (did you mean', "schema"),
        ({"relation": "hidden.orders"}, "relation", "permission denied", "GRANT USAGE"),
        ({"relation": "secrets"}, "relation", "permission denied", "GRANT USAGE"),
        ({"query": "q.sql"}, "query", 'q.sql:3: column "nope" does not exist', "one SELECT"),
        ({"query": "none.sql"}, "query", 'file "none.sql" cannot be read', "relative"),
        ({"query": "two.sql"}, "query", "syntax error", "one SELECT"),
        ({"query": "write.sql"}, "query", "syntax error", "one SELECT"),
        ({"query": "volatile.sql"}, "path", "read-only transaction", "try again"),
        ({"relation": "orders", "columns": {**ORDERS, "amount": "amuont"}}, "columns",
         '"amuont" is not in', 'did you mean "amount"'),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said(project, shop, monkeypatch, given, path, found, allowed):
    run(
        shop,
        "CREATE TABLE IF NOT EXISTS secrets (id int)",
        "CREATE OR REPLACE FUNCTION add_one() RETURNS int LANGUAGE sql AS"
        " $$INSERT INTO orders VALUES ('zz', now(), 1, 'x') RETURNING 1$$",
        "GRANT SELECT, INSERT ON orders TO reader",
        "REVOKE ALL ON secrets FROM reader",
    )
    monkeypatch.setenv("SHOP_PASSWORD", SECRET)
    project.put("q.sql", "SELECT id,\n  at,\n  nope\nFROM orders")
    project.put("two.sql", "SELECT 1) AS q; DELETE FROM orders; --")
    project.put("write.sql", "DELETE FROM orders RETURNING *")
    project.put("volatile.sql", "SELECT add_one() AS id, now() AS at, 1 AS amount")
    url = shop.replace("heedful@", "reader:${SHOP_PASSWORD}@")
    error = failure(project, path=url, **given)
    assert error.path[0] == path
    assert found in error.found
    assert allowed in error.allowed
    with psycopg.connect(shop) as connection:
        assert connection.execute("SELECT count(*) FROM orders WHERE id = 'zz'").fetchone() == (0,)


def test_passwords_come_from_outside_and_are_never_shown(project, shop, monkeypatch, tmp_path):
    run(shop, "TRUNCATE orders", "INSERT INTO orders VALUES ('a', 'infinity', 1, 'x')")
    url = shop.replace("heedful@", "reader@")
    monkeypatch.delenv("PGPASSWORD", raising=False)
    error = failure(project, path=url, relation="orders")
    assert "cannot be reached" in error.found
    assert "PGPASSWORD or a passfile" in error.allowed
    monkeypatch.setenv("WRONG", SECRET + "x")
    error = failure(project, path=url.replace("@", ":${WRONG}@"), relation="orders")
    assert "password authentication failed" in error.found
    monkeypatch.setenv("PGPASSWORD", SECRET)
    given = {"table": "orders", "relation": "orders", "columns": ORDERS}
    assert project.run(path=url, **given).rejected == 1
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("SHOP_PASSWORD", SECRET)
    assert project.run(path=url.replace("@", ":${SHOP_PASSWORD}@"), **given).rejected == 1
    from urllib.parse import quote

    monkeypatch.setenv("SHOP", url.replace("@", f":{quote(SECRET, safe='')}@"))
    assert project.run(path="${SHOP}", **given).rejected == 1
    kept = project.rejected() + project.sql("SELECT * FROM t", "imports", project.books)
    assert SECRET not in str(kept)
    assert "gehe" not in str(kept)
    assert "reader" not in str(kept)
    everything = b"".join(p.read_bytes() for p in (project.root / "data").rglob("*") if p.is_file())
    assert b"gehe" not in everything


def test_an_address_that_leads_nowhere(project, monkeypatch, tmp_path):
    given = {"relation": "orders"}
    monkeypatch.setenv("KEY", SECRET)
    error = failure(project, path=f"postgresql://me:${{KEY}}@/x?host={tmp_path}", **given)
    assert "cannot be reached" in error.found
    assert "the server runs" in error.allowed
    error = failure(project, path="postgresql://me:${NO_SUCH}@db/x", **given)
    assert error.found == 'environment variable "NO_SUCH" is not set'
    monkeypatch.setenv("SHOP", "mysql://me:gehe@db/x")
    error = failure(project, path="${SHOP}", **given)
    assert error.found == "path is no address of a PostgreSQL database"
    error = failure(project, path="postgresql://me:${KEY}@db:port/x?nonsense=1", **given)
    assert error.found == "path is no address of a PostgreSQL database"


def test_a_missing_driver_is_said_with_what_to_install(project):
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from pathlib import Path\n"
        "from heedful.definitions.source import Source\n"
        "from heedful.store import warehouse\n"
        "source = Source(name='s', table='orders', path='postgresql://db/x', relation='o')\n"
        "warehouse.read(source, Path('.'), Path('.'), [])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pip install 'heedful[postgresql]'" in done.stderr.strip().splitlines()[-1]


def test_json_of_a_thousand_keys_stays_json(project, shop):
    run(
        shop,
        "DROP TABLE IF EXISTS wide",
        "CREATE TABLE wide AS SELECT n AS id, date '2024-01-01' AS at, 1 AS amount,"
        " jsonb_build_object('k' || n, n, 'same', n, 'Same', 0, 'id', 5) AS p"
        " FROM generate_series(1, 1000) n",
    )
    done = project.run(
        table="orders",
        path=shop,
        relation="wide",
        columns=ORDERS,
        attributes={"same": '"p.same"', "k7": "p ->> '$.k7'"},
    )
    assert done.inserted == 1000
    assert done.notes == ("p: too many fields to be columns; the others stay in the JSON",)
    assert project.sql("SELECT same, k7 FROM t WHERE order_id = '7'", "orders") == [("0", "7")]
