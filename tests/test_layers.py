"""The order of the house: who may import whom, and what may be imported where.

Each module of dreamvideo has a level. It may import from lower levels and from its own package, and across
one level only where `SIBLINGS` says why. Imports inside functions and for types count too: what a module
names, it depends on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import dreamvideo

ROOT = Path(dreamvideo.__file__).parent

LEVELS = (
    ("errors", "cores", "memory"),
    ("schedule", "targets"),
    ("settings", "images", "stages", "prefetch", "progress"),
    ("course", "recipe", "nets", "octaves", "measures", "tiles", "precondition", "motion", "camera", "media"),
    ("guide",),
    ("objectives",),
    ("graphed",),
    ("ascent",),
    ("dream", "carry", "render"),
    ("keys", "seams"),
    ("spans",),
    ("excitement",),
    ("clip", "zoom", "visualize", "measure"),
    ("film",),
    ("zoomed",),
    ("jobs",),
    ("farm",),
    ("studio", "cli"),
    ("__main__",),
)
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}

SIBLINGS = {
    ("cli", "studio"): "`dreamvideo studio` opens it",
    ("motion", "nets"): "RAFT is a network: its weights are found, checked and placed like any other's",
}

ONLY_IN = {
    "subprocess": {"media", "jobs", "farm"},
    "typer": {"cli"},
    "cv2": {"images", "motion", "camera", "media", "farm"},
}
WITHOUT_TORCH = (
    "errors",
    "schedule",
    "course",
    "settings",
    "images",
    "recipe",
    "media",
    "cli",
    "film",
    "studio",
)

PATHS = sorted(ROOT.rglob("*.py"))


def owner(path: Path) -> str:
    """The module or package, directly under dreamvideo, that a file belongs to; "" for the package itself."""
    first = path.relative_to(ROOT).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all that a tree imports; `from a import b` counts as `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            yield from (f"{dots}{node.module or ''}.{alias.name}" for alias in node.names)


def neighbours(tree: ast.AST) -> Iterator[str]:
    """The parts of dreamvideo that a tree imports."""
    for name in imported(tree):
        parts = name.split(".")
        if parts[0] == "dreamvideo" and len(parts) > 1 and not parts[1].startswith("__version"):
            yield parts[1]


def wrong_directions(name: str, source: str) -> list[str]:
    """What in the source of module `name` goes up, sideways, or by a relative name."""
    tree = ast.parse(source)
    wrong = [
        f"{name} imports {other} by a relative name" for other in imported(tree) if other.startswith(".")
    ]
    for other in neighbours(tree):
        if other not in LEVEL:
            wrong.append(f"{name} imports {other}, which has no level in LEVELS")
        elif other != name and LEVEL[other] >= LEVEL[name] and (name, other) not in SIBLINGS:
            wrong.append(f"{name} imports {other}, which is not below it")
    return wrong


def misplaced(name: str, source: str) -> list[str]:
    """Libraries that module `name` imports though they are another's business."""
    libraries = {library.split(".")[0] for library in imported(ast.parse(source))}
    return [
        f"{name} imports {library}"
        for library, places in ONLY_IN.items()
        if library in libraries and name not in places
    ]


def at_import(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported: not functions, not what is for types only."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
            continue
        yield node
        waiting += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]


def imports_torch(source: str) -> bool:
    """Whether importing a module with this source imports torch by name."""
    statements = at_import(ast.parse(source))
    names = (
        name
        for node in statements
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in imported(node)
    )
    return any(name.split(".")[0] in ("torch", "torchvision") for name in names)


def test_every_module_has_a_level() -> None:
    unknown = {owner(path) for path in PATHS} - {""} - LEVEL.keys()
    assert not unknown, "give them a level in LEVELS"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path: Path) -> None:
    if owner(path) == "":
        assert not list(neighbours(ast.parse(path.read_text("utf-8")))), "`import dreamvideo` stays light"
    else:
        assert not wrong_directions(owner(path), path.read_text("utf-8"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(ROOT)))
def test_libraries_stay_where_they_belong(path: Path) -> None:
    assert not misplaced(owner(path), path.read_text("utf-8"))


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_torch_waits_until_it_is_needed(name: str) -> None:
    paths = [path for path in PATHS if owner(path) == name]
    assert paths
    assert not [path.name for path in paths if imports_torch(path.read_text("utf-8"))]


@pytest.mark.parametrize(
    "name, line",
    [
        ("media", "from dreamvideo.clip import dream_residuals"),
        ("settings", "import dreamvideo.images"),
        ("dream", "def f():\n    from dreamvideo import carry"),
        ("motion", "from dreamvideo.octaves import Jitter"),
        ("nets", "from .vgg import VGG"),
        ("clip", "from dreamvideo.utils import things"),
    ],
)
def test_wrong_directions_are_seen(name: str, line: str) -> None:
    assert wrong_directions(name, line)


@pytest.mark.parametrize(
    "name, line",
    [
        ("media", "from dreamvideo.media.probe import probe"),
        ("media", "from dreamvideo import errors"),
        ("motion", "from dreamvideo.nets.load import read_weights"),
        ("cli", "from dreamvideo import __version__"),
    ],
)
def test_right_directions_are_not(name: str, line: str) -> None:
    assert not wrong_directions(name, line)


def test_misplaced_libraries_and_early_torch_are_seen() -> None:
    assert misplaced("film", "import subprocess") and misplaced("dream", "from cv2 import remap")
    assert imports_torch("import torch.nn") and imports_torch(
        "try:\n    from torch import nn\nexcept OSError:\n    pass"
    )
    assert not imports_torch("if TYPE_CHECKING:\n    import torch\ndef f():\n    import torch")
