"""The rules that the syntax shows and no linter knows. Who may import whom stands in pyproject.toml."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
PACKAGE = TOP / "cxloop"
MODULES = sorted(PACKAGE.rglob("*.py"))
TEMPLATES = sorted((TOP / "templates").rglob("*.html"))
EDGES = {"app.py", "drains.py", "teaching.py", "worker.py", "web", "api", "cli", "demo"}
NAMELESS = {"utils", "util", "helpers", "helper", "common", "services", "service", "manager", "managers", "misc"}


def name_of(path: Path) -> str:
    return path.relative_to(TOP).as_posix()


def is_edge(path: Path) -> bool:
    return path.relative_to(PACKAGE).parts[0] in EDGES


def calls(path: Path) -> Iterator[tuple[str, str, ast.Call]]:
    """Each call of a method in the module: where it stands, its dotted name, and the node."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield f"{name_of(path)}:{node.lineno}", ast.unparse(node.func), node


def routes(path: Path) -> Iterator[ast.FunctionDef]:
    """The view functions of a module: those under a decorator `@….get("/…")`, `.post`, `.route` and so on."""
    verbs = {"get", "post", "put", "patch", "delete", "route"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            decorators = [each.func for each in node.decorator_list if isinstance(each, ast.Call)]
            if any(isinstance(each, ast.Attribute) and each.attr in verbs for each in decorators):
                yield node


def test_only_db_py_commits() -> None:
    found = [
        f"{where}: {dotted}()"
        for path in MODULES
        if path != PACKAGE / "db.py"
        for where, dotted, _ in calls(path)
        if dotted.endswith((".commit", "session.begin"))
    ]
    assert found == [], "hold db.transaction() at the edge instead"


def test_below_the_edge_nobody_holds_or_ends_a_transaction() -> None:
    found = [
        f"{name_of(path)}:{node.lineno}: {ast.unparse(node.func)}()"
        for path in MODULES
        if path != PACKAGE / "db.py" and not is_edge(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("transaction", ".rollback"))
    ]
    assert found == [], "the edge holds the transaction"


def test_only_clock_py_reads_the_time() -> None:
    readings = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}
    found = [
        f"{where}: {dotted}()"
        for path in MODULES
        if path != PACKAGE / "clock.py"
        for where, dotted, _ in calls(path)
        if ".".join(dotted.split(".")[-2:]) in readings
    ]
    assert found == [], "edges call clock.now() once; everything below takes `at`"


def test_the_domain_does_not_read_the_clock_either() -> None:
    reading = re.compile(r"from cxloop\.clock import|from cxloop import .*\bclock\b|import cxloop\.clock")
    found = [
        name_of(path) for path in MODULES if not is_edge(path) and reading.search(path.read_text(encoding="utf-8"))
    ]
    assert found == [], "take `at` from the edge"


def test_below_the_edge_nobody_asks_who_is_signed_in() -> None:
    found = [
        name_of(path)
        for path in MODULES
        if not is_edge(path) and re.search(r"\bcurrent_user\b", path.read_text(encoding="utf-8"))
    ]
    assert found == [], "take `by` from the edge"


def test_a_view_holds_one_transaction_at_most() -> None:
    found = []
    for path in [*(PACKAGE / "web").rglob("*.py"), *(PACKAGE / "api").rglob("*.py")]:
        for view in routes(path):
            held = [
                node
                for node in ast.walk(view)
                if isinstance(node, ast.With)
                and any("transaction(" in ast.unparse(item.context_expr) for item in node.items)
            ]
            if len(held) > 1:
                found.append(f"{name_of(path)}:{view.lineno}: {view.name} holds {len(held)} transactions")
    assert found == [], "one view, one verb"


def test_a_view_that_answers_get_alone_changes_nothing() -> None:
    found = [
        f"{name_of(path)}:{view.lineno}: {view.name}"
        for path in (PACKAGE / "web").rglob("*.py")
        for view in routes(path)
        if all(
            ast.unparse(each).split("(")[0].endswith(".get")
            for each in view.decorator_list
            if isinstance(each, ast.Call)
        )
        and "transaction()" in ast.unparse(view)
    ]
    assert found == [], "a GET only shows: mail scanners follow links"


def test_no_module_has_a_name_that_says_nothing() -> None:
    folders = [PACKAGE, TOP / "tests", TOP / "templates", TOP / "migrations", TOP / "bench"]
    paths = [path for folder in folders for path in folder.rglob("*") if "vendor" not in path.parts]
    assert [name_of(path) for path in paths if path.stem.strip("_") in NAMELESS] == []


def test_no_module_is_so_long_that_it_hides_something() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 320} == {}


def test_every_setting_is_documented() -> None:
    config = (TOP / "config.py").read_text(encoding="utf-8")
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    read = set(re.findall(r'environ\S*\(\s*"(CXLOOP_\w+)"', config))
    in_config = set(re.findall(r"^(CXLOOP_\w+)  ", config, re.MULTILINE))
    in_readme = set(re.findall(r"^\| *`?(CXLOOP_\w+)`?", readme, re.MULTILINE))
    assert read, "no setting found: does config.py read them otherwise now?"
    assert read == in_config, "the list at the top of config.py"
    assert read <= in_readme, "the table in README.md"


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a style attribute", r"<[^>]+\sstyle\s*="),
        ("an inline event handler", r"<[a-z][^>]*\son[a-z]+\s*="),
        ("a script of its own without the nonce", r"<script(?![^>]*(\bsrc=|nonce|type=\"application/json\"))"),
        ("a part from another site", r"<(script|link|img|iframe)[^>]+(src|href)=\"(https?:)?//"),
        ("text that is not escaped", r"\|\s*safe\b"),
    ],
)
def test_no_page_has(what: str, pattern: str) -> None:
    pages = [
        path for path in TEMPLATES if "notices" not in path.parts
    ]  # mail has no policy, and needs its styles inline
    found = [name_of(path) for path in pages if re.search(pattern, path.read_text(encoding="utf-8"))]
    assert found == [], f"{what}: the content security policy would stop it"
