"""Which house rules does a source file break, where, and what should be done instead?

A rule is a function from a `Source` to its offences; each offence carries its remedy. What
import-linter can check (floors, vendors, circles) is in pyproject.toml and not repeated here.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

# Everything below the door and the machine room. A new room is quiet from its first line.
LOUD_PACKAGES = frozenset({"runtime", "adapters", "api", "wiring", "simulation", "client", "cli"})
ROOMS = frozenset(
    {
        "ledger",
        "wallets",
        "exchange",
        "payments",
        "netting",
        "consensus",
        "execution",
        "risk",
        "settlement",
        "custody",
    }
)
MONEY_PACKAGES = ROOMS | {"kernel"}
ESTIMATES = frozenset({"netting/milp.py", "risk/forecast.py"})
"""Modules that estimate or search, in floats; whatever they find is checked in integers."""

CLOCK_AND_CHANCE_MODULES = frozenset({"time", "random", "secrets", "numpy.random"})
CLOCK_AND_CHANCE_NAMES = frozenset(
    {
        "datetime.date.today",
        "os.getrandom",
        "os.times",
        "os.urandom",
        "uuid.uuid1",
        "uuid.uuid4",
        "uuid.uuid6",
        "uuid.uuid7",
    }
)
CLOCK_CALLS = frozenset({"now", "utcnow", "time_ns", "monotonic", "perf_counter"})
TRUE_CHANCE_NAMES = CLOCK_AND_CHANCE_NAMES | {"random.SystemRandom", "secrets"}
DRAWERS = frozenset(
    {"base", "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
)
DRAWER_SUFFIXES = ("Helper", "Helpers", "Manager", "Utils")
KERNEL_VENDORS = {"msgspec": None, "numpy": "seen.py"}


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the project's root, its text and its tree."""

    path: PurePosixPath
    text: str
    tree: ast.Module

    @classmethod
    def parse(cls, path: str, text: str) -> Source:
        return cls(PurePosixPath(path), text, ast.parse(text, path))

    @classmethod
    def read(cls, root: Path, file: Path) -> Source:
        return cls.parse(file.relative_to(root).as_posix(), file.read_text("utf-8"))

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of its tree: each rule looks at them, and walking takes longer than that."""
        return list(ast.walk(self.tree))

    @property
    def package(self) -> str:
        """The floor it lives on (`kernel`, `api`, ...), or "" outside `src/nostro/<package>/`."""
        parts = self.path.parts
        return parts[2] if parts[:2] == ("src", "nostro") and len(parts) > 3 else ""

    @property
    def is_quiet(self) -> bool:
        return self.package != "" and self.package not in LOUD_PACKAGES

    @property
    def is_test(self) -> bool:
        return self.path.parts[0] == "tests"


@dataclass(frozen=True)
class Offence:
    """What is wrong at which line, and the remedy."""

    path: PurePosixPath
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}\n    remedy: {self.remedy}"


Rule = Callable[[Source], Iterator[Offence]]


def _offence(source: Source, node: ast.AST | int, what: str, remedy: str) -> Offence:
    line = node if isinstance(node, int) else getattr(node, "lineno", 1)
    return Offence(source.path, line, what, remedy)


def _imports(source: Source) -> Iterator[tuple[ast.stmt, str]]:
    """Yield (statement, dotted origin) for each name that is imported."""
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                yield node, f"{node.module}.{alias.name}"


def _origins(source: Source) -> dict[str, str]:
    """Map each name an import binds to its dotted origin."""
    origins: dict[str, str] = {}
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                origins[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                origins[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return origins


def _origin(node: ast.expr, origins: dict[str, str]) -> str:
    """Spell an expression as the dotted name it was imported by; "" when it is no plain name."""
    if isinstance(node, ast.Name):
        return origins.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        left = _origin(node.value, origins)
        return f"{left}.{node.attr}" if left else ""
    return ""


def _within(dotted: str, names: frozenset[str]) -> bool:
    return any(dotted == name or dotted.startswith(f"{name}.") for name in names)


def no_clock_and_no_chance(source: Source) -> Iterator[Offence]:
    """Kernel, rooms and flows ask no clock and roll no dice."""
    if not source.is_quiet:
        return
    remedy = "take it as a field of the command (`at_us`, an id): api/ or runtime/ stamps it there"
    for node, origin in _imports(source):
        if _within(origin, CLOCK_AND_CHANCE_MODULES | CLOCK_AND_CHANCE_NAMES):
            yield _offence(source, node, f"imports {origin}", remedy)
    origins = _origins(source)
    for call in source.nodes:
        if not isinstance(call, ast.Call):
            continue
        dotted = _origin(call.func, origins)
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted
        if last in CLOCK_CALLS or _within(dotted, CLOCK_AND_CHANCE_NAMES):
            yield _offence(source, call, f"calls {dotted or last}()", remedy)


def no_unseeded_chance_in_the_simulation(source: Source) -> Iterator[Offence]:
    """A simulated run is its seed, and nothing else."""
    if source.package != "simulation":
        return
    remedy = "draw from the run's `random.Random(seed)`, so that the seed alone repeats the run"
    origins = _origins(source)
    for call in source.nodes:
        if not isinstance(call, ast.Call):
            continue
        dotted = _origin(call.func, origins)
        unseeded = dotted == "random.Random" and not call.args
        shared = dotted.startswith("random.") and dotted.split(".")[1].islower()
        if unseeded or shared or _within(dotted, frozenset(TRUE_CHANCE_NAMES)):
            yield _offence(source, call, f"calls {dotted}() without the seed", remedy)


def no_float_near_money(source: Source) -> Iterator[Offence]:
    """Amounts are integers: no float literal, no `float`, no true division."""
    where = "/".join(source.path.parts[-2:])
    if source.package not in MONEY_PACKAGES or where in ESTIMATES:
        return
    remedy = "count integer minor units, parse decimal strings exactly, divide by // and name why"
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield _offence(source, node, f"float literal {node.value!r}", remedy)
        elif isinstance(node, ast.Name) and node.id == "float":
            yield _offence(source, node, "the type float", remedy)
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield _offence(source, node, "true division yields a float", remedy)


def no_async_in_quiet_packages(source: Source) -> Iterator[Offence]:
    """`async` stands only where a socket may be."""
    if not source.is_quiet:
        return
    kinds = ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await
    for node in source.nodes:
        if isinstance(node, kinds):
            yield _offence(
                source,
                node,
                f"async code in {source.package}/",
                "decide in a plain function; wait in runtime/, adapters/ or api/",
            )


def no_file_beyond_the_ceiling(source: Source) -> Iterator[Offence]:
    """A file has at most FILE_LINES_MAX lines."""
    lines = len(source.text.splitlines())
    if lines > FILE_LINES_MAX:
        yield _offence(
            source,
            lines,
            f"{lines} lines, at most {FILE_LINES_MAX}",
            "look for the second idea inside, and give it a module with its own name",
        )


def no_function_beyond_the_wall(source: Source) -> Iterator[Offence]:
    """A function has at most FUNCTION_LINES_MAX lines, its docstring included."""
    for node in source.nodes:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield _offence(
                source,
                node,
                f"{node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}",
                "branch in the caller, compute in the leaf: name the parts and call them",
            )


def no_drawer_for_leftovers(source: Source) -> Iterator[Offence]:
    """No module, package or class is named after nothing."""
    remedy = "say what it does in the trade's words; a thing without a name has not been understood"
    for part in source.path.with_suffix("").parts:
        if part in DRAWERS:
            yield _offence(source, 1, f"a module or package named {part!r}", remedy)
    for node in source.nodes:
        if isinstance(node, ast.ClassDef) and node.name.endswith(DRAWER_SUFFIXES):
            yield _offence(source, node, f"a class named {node.name!r}", remedy)


def no_module_without_a_question(source: Source) -> Iterator[Offence]:
    """Each module begins with a docstring that says which question it answers."""
    if source.is_test:
        return
    if not (ast.get_docstring(source.tree) or "").strip():
        yield _offence(
            source,
            1,
            "no module docstring",
            "begin the file with one line that says which question it answers",
        )


def no_vendor_in_the_kernel(source: Source) -> Iterator[Offence]:
    """The kernel imports the standard library and msgspec (numpy in seen.py only)."""
    if source.package != "kernel":
        return
    for node, origin in _imports(source):
        top = origin.partition(".")[0]
        allowed = top == "nostro" or top in sys.stdlib_module_names
        allowed |= top in KERNEL_VENDORS and KERNEL_VENDORS[top] in (None, source.path.name)
        if not allowed:
            yield _offence(
                source,
                node,
                f"the kernel imports {top}",
                "keep to the standard library and msgspec, or move it to the floor that needs it",
            )


def no_reach_behind_a_room(source: Source) -> Iterator[Offence]:
    """Outside a room, it is imported by its face: `from nostro.ledger import ...`."""
    for node in source.nodes:
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            modules = [node.module]
        for module in modules:
            parts = module.split(".")
            behind = parts[0] == "nostro" and len(parts) > 2 and parts[1] in ROOMS
            if behind and source.package != parts[1] and not source.is_test:
                yield _offence(
                    source,
                    node,
                    f"reaches behind the face of {parts[1]}: {module}",
                    f"export the name in nostro/{parts[1]}/__init__.py and import it from there",
                )


def no_unexplained_sleep_in_tests(source: Source) -> Iterator[Offence]:
    """A test that sleeps says on that line what cannot be waited for otherwise."""
    if not source.is_test:
        return
    lines = source.text.splitlines()
    for node in source.nodes:
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        yields = isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
        if name == "sleep" and not yields and "# sleeps:" not in lines[node.lineno - 1]:
            yield _offence(
                source,
                node,
                "sleeps without saying why",
                "wait for the event itself, with a bound; or end the line with `# sleeps: <why>`",
            )


def no_mock_of_our_own_code(source: Source) -> Iterator[Offence]:
    """The memory adapter is the fake."""
    for node, origin in _imports(source):
        if origin.startswith(("unittest.mock", "mock.", "pytest_mock")):
            yield _offence(
                source,
                node,
                f"imports {origin}",
                "plug in the memory adapter: it passes the contract",
            )


RULES: tuple[Rule, ...] = (
    no_clock_and_no_chance,
    no_unseeded_chance_in_the_simulation,
    no_float_near_money,
    no_async_in_quiet_packages,
    no_file_beyond_the_ceiling,
    no_function_beyond_the_wall,
    no_drawer_for_leftovers,
    no_module_without_a_question,
    no_vendor_in_the_kernel,
    no_reach_behind_a_room,
    no_unexplained_sleep_in_tests,
    no_mock_of_our_own_code,
)
