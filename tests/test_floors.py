"""The floors hold: imports point down, the lower floors do no IO, nothing is imported late, nobody tests for a name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import darkroom

SOURCE = Path(darkroom.__file__).parent

# The longest prefix of a module's name counts.
FLOORS = {
    "errors ids media messages events generation job profiles settings lifted": 0,
    "codecs dialects providers planner replay threads quotas": 1,
    "clock database migrations storage spool fetch download upstream credentials health images films sketch": 2,
    "ingest resolve stills imports capture catalog chat generations exchanges cleanup uploads studio": 3,
    "deletion retention filing sweep keys usage doctor metrics watch reply lineage forest redo jobs repeats": 3,
    "gateway endpoints app cli web testing": 4,
}
FLOOR_OF = {name: floor for names, floor in FLOORS.items() for name in names.split()}
IO = frozenset(
    "aiohttp starlette uvicorn aiosqlite asyncpg aiosql sqlalchemy alembic obstore asyncio time datetime os socket "
    "random secrets pathlib tempfile subprocess threading uuid io shutil select ssl http urllib.request logging "
    "multiprocessing concurrent".split()
)


@dataclass(frozen=True, slots=True)
class Import:
    """One import of a module: what it names, and whether it stands inside a function."""

    module: str
    target: str
    line: int
    late: bool


@dataclass(frozen=True, slots=True)
class House:
    """All modules of a package and what they import."""

    modules: frozenset[str]
    imports: tuple[Import, ...]


def read(source: Path) -> House:
    """Read the package in a directory; its modules are named from the package down (`codecs.sse`)."""
    files = {_name(path, source): path for path in source.rglob("*.py")}
    modules = frozenset(files)
    found = [item for name, path in files.items() for item in _imports(name, path, modules)]
    return House(modules, tuple(found))


def _name(path: Path, source: Path) -> str:
    return ".".join(path.relative_to(source).with_suffix("").parts).removesuffix("__init__").rstrip(".")


def _imports(module: str, path: Path, modules: frozenset[str]) -> Iterator[Import]:
    tree = ast.parse(path.read_text("utf-8"))
    late = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for inner in ast.walk(node)}  # fmt: skip
    for node in ast.walk(tree):
        for target in _targets(node, module, path, modules):
            yield Import(module, target, node.lineno, id(node) in late)  # type: ignore[attr-defined]


def _targets(node: ast.AST, module: str, path: Path, modules: frozenset[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
            above = package[: len(package) - node.level + 1]
            base = ".".join(["darkroom", *(part for part in above if part), *([base] if base else [])])
        for name in node.names:
            whole = f"{base}.{name.name}"
            yield whole if whole.removeprefix("darkroom.") in modules else base


def inside(target: str) -> str | None:
    """Return the name of one of our modules from the package down; None for anybody else's."""
    head, _, rest = target.partition(".")
    return rest if head == "darkroom" else None


def floor_of(module: str) -> int | None:
    """Return a module's floor; the package itself holds only the version and lies at the bottom."""
    return 0 if module == "" else FLOOR_OF.get(module.partition(".")[0])


def breaches(house: House) -> list[str]:
    """Say everything that is wrong with a house."""
    found = [f"{module} has no floor" for module in sorted(house.modules) if floor_of(module) is None]
    for item in house.imports:
        where = f"{item.module}:{item.line}"
        target = inside(item.target)
        floor = floor_of(item.module) or 0
        if target is None:
            if floor < 2 and any(item.target == name or item.target.startswith(f"{name}.") for name in IO):
                found.append(f"{where} is pure and imports {item.target}")
            continue
        if item.late:
            found.append(f"{where} imports {item.target} inside a function")
        if (floor_of(target) or 0) > floor:
            found.append(f"{where} on floor {floor} imports {item.target} from above")
    return found + _cycles(house)


def _cycles(house: House) -> list[str]:
    graph: dict[str, set[str]] = {module: set() for module in house.modules}
    for item in house.imports:
        target = inside(item.target)
        if target is not None and target != item.module:
            graph[item.module].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [f"a cycle: {' → '.join(error.args[1])}"]
    return []


def name_comparisons(source: Path) -> list[str]:
    """Find comparisons of a provider or its name with anything: a difference between providers is a row."""
    return [
        f"{path.relative_to(source)}:{node.lineno} {ast.unparse(node)}"
        for path in source.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Compare) and any(_names_provider(side) for side in (node.left, *node.comparators))
        and any(isinstance(side, ast.Constant | ast.Tuple | ast.Set | ast.List) and _is_text(side)
                for side in (node.left, *node.comparators))
    ]  # fmt: skip


def _names_provider(node: ast.expr) -> bool:
    text = ast.unparse(node)
    return text == "provider" or text.endswith((".provider", "provider.name", "provider_name"))


def _is_text(node: ast.expr) -> bool:
    return any(isinstance(inner, ast.Constant) and isinstance(inner.value, str) for inner in ast.walk(node))


def test_the_floors_hold() -> None:
    assert breaches(read(SOURCE)) == []


def test_every_floor_has_modules() -> None:
    """The table names what is there, so that a renamed module can't slip off it."""
    heads = {module.partition(".")[0] for module in read(SOURCE).modules}
    assert set(FLOOR_OF) - heads == set()


def test_nobody_tests_for_a_providers_name() -> None:
    assert name_comparisons(SOURCE) == []


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"media.py": "from darkroom.storage import Storage"}, "from above"),
        ({"media.py": "from darkroom import storage", "storage.py": ""}, "from above"),
        ({"media.py": "from .storage import Storage", "storage.py": ""}, "from above"),
        ({"codecs/sse.py": "from ..chat import Chat", "chat.py": ""}, "from above"),
        ({"errors.py": "import darkroom.chat"}, "from above"),
        ({"media.py": "import asyncio"}, "pure"),
        ({"codecs/sse.py": "from os.path import join"}, "pure"),
        ({"planner.py": "def now():\n    import time\n    return time.time()"}, "pure"),
        ({"chat.py": "def late():\n    from darkroom.media import Media"}, "inside a function"),
        ({"chat.py": "async def late():\n    import darkroom.media"}, "inside a function"),
        ({"novel.py": ""}, "novel has no floor"),
        ({"rooms/novel.py": ""}, "rooms.novel has no floor"),
        ({"chat.py": "import darkroom.keys", "keys.py": "from darkroom.chat import Chat"}, "a cycle"),
    ],
)
def test_a_planted_breach_is_found(tmp_path: Path, files: dict[str, str], word: str) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    assert any(word in breach for breach in breaches(read(tmp_path)))


def test_a_house_in_order_passes(tmp_path: Path) -> None:
    (tmp_path / "chat.py").write_text("import asyncio\nfrom darkroom.media import Media\n", "utf-8")
    (tmp_path / "media.py").write_text("import re\nimport hashlib\n", "utf-8")
    assert breaches(read(tmp_path)) == []


@pytest.mark.parametrize(
    "line",
    ["if provider == 'openai': pass", "x = row.provider.name in ('a', 'b')", "y = 'gemini' != self.provider.name"],
)
def test_a_planted_test_for_a_name_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "chat.py").write_text(line, "utf-8")
    assert len(name_comparisons(tmp_path)) == 1
