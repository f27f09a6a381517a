"""What is written can be run: the README's commands parse, those marked `<!-- run -->` work, and no file
speaks of a machine that its reader does not have."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

import dreamvideo
from dreamvideo.cli.main import app, main

CHECKOUT = Path(dreamvideo.__file__).parent.parent
README = CHECKOUT / "README.md"
MARK = "<!-- run -->"
SMALL = {
    "dream": ("--model", "vgg16-lite", "--device", "cpu", "--detail", "96", "--frames", "4"),
    "measure": ("--detail", "96"),
    "zoom": ("--model", "vgg16-lite", "--device", "cpu", "--size", "96x64", "--steps", "1", "--fps", "4"),
}

GROUP: Any = typer.main.get_command(app)

_BLOCK = re.compile(
    rf"^(?P<mark>{re.escape(MARK)}[ \t]*\n\s*)?"
    r"^(?P<fence>`{3,})(?:console|bash|sh|shell)\b[^\n]*\n(?P<body>.*?)^(?P=fence)",
    re.MULTILINE | re.DOTALL,
)
_ENDS = {"|", "||", "&&", ";", ">", ">>", "<", "2>", "&"}


@dataclass(frozen=True)
class Command:
    """A line of a document that calls dreamvideo."""

    arguments: tuple[str, ...]
    is_run: bool

    def __str__(self) -> str:
        return shlex.join(["dreamvideo", *self.arguments])


def modules_with_examples() -> list[str]:
    files = sorted(Path(dreamvideo.__file__).parent.rglob("*.py"))
    told = (file for file in files if ">>>" in file.read_text("utf-8"))
    return [".".join(file.relative_to(CHECKOUT).with_suffix("").parts) for file in told]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_in_docstrings_are_true(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted and not found.failed


def commands_in(text: str) -> Iterator[Command]:
    """The calls of dreamvideo in the fenced shell blocks of a Markdown text."""
    for block in _BLOCK.finditer(text):
        for line in block["body"].replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words and words[0] == "dreamvideo":
                stop = next((place for place, word in enumerate(words) if word in _ENDS), len(words))
                yield Command(tuple(words[1:stop]), bool(block["mark"]))


def parse(arguments: tuple[str, ...]) -> None:
    """Read a command line as `dreamvideo` would, and run nothing.

    Raises:
        Exception: of typer's, for an option or command that does not exist or a value of the wrong kind.
    """
    try:
        context = GROUP.make_context("dreamvideo", list(arguments))
        name, command, rest = GROUP.resolve_command(context, list(arguments))
        command.make_context(name, rest)
    except typer.Exit:  # --help has done its work
        pass


def readme_commands() -> list[Command]:
    return list(commands_in(README.read_text("utf-8"))) if README.is_file() else []


def test_the_readme_shows_commands() -> None:
    assert readme_commands(), "README.md has no dreamvideo command in a ```console or ```bash block"


@pytest.mark.parametrize("command", readme_commands(), ids=str)
def test_commands_of_the_readme_parse(command: Command) -> None:
    parse(command.arguments)


def test_marked_commands_of_the_readme_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One after the other in a copy of the samples; a dream is made small, whatever the README asks for."""
    marked = [command for command in readme_commands() if command.is_run]
    assert marked, f"no block of README.md is marked {MARK}"
    shutil.copytree(CHECKOUT / "samples", tmp_path / "samples")
    monkeypatch.chdir(tmp_path)
    for command in marked:
        arguments = [*command.arguments, *SMALL.get(command.arguments[0], ())]
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 0, f"{command}: {capsys.readouterr().err}"
        for flag in {"-o", "--output"} & set(arguments):
            assert Path(arguments[arguments.index(flag) + 1]).exists(), command


TEXTS = sorted(
    path
    for path in CHECKOUT.rglob("*")
    if path.suffix in {".py", ".md", ".toml", ".txt", ".yml", ""}
    and path.is_file()
    and not {"out", "build", "dist", "__pycache__"} & set(path.relative_to(CHECKOUT).parts)
    and not any(part.startswith(".") and part != ".ci" for part in path.relative_to(CHECKOUT).parts)
)


def foreign_paths(text: str) -> list[str]:
    """Places in a text that exist on one machine only."""
    return re.findall(r"\.\./shared\b|(?<![\w.:/-])/(?:work|home|root)/[^\s`'\")]*", text)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_no_file_names_the_machine_it_was_written_on(path: Path) -> None:
    if path.name not in {"CONTRIBUTING.md", Path(__file__).name}:
        assert not foreign_paths(path.read_text("utf-8", errors="replace"))


@pytest.mark.parametrize("name", GROUP.commands)
def test_no_help_does_either(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    parse((name, "--help"))
    said = capsys.readouterr().out
    assert said and not foreign_paths(said)


def test_what_the_readme_links_to_is_there() -> None:
    text = README.read_text("utf-8") if README.is_file() else ""
    links = re.findall(r"\]\((?!\w+:|#)([^)#\s]+)|<img[^>]* src=\"(?!\w+:)([^\"]+)", text)
    assert not [link for pair in links for link in pair if link and not (CHECKOUT / link).exists()]


def test_foreign_paths_are_seen() -> None:
    shared, work, root, home = "shared", "work", "root", "home"  # or a search for such paths would find these
    assert foreign_paths(f"see ../{shared}/DESIGN.md")
    assert foreign_paths(f"cd /{work}/main") and foreign_paths(f"'/{root}/x'")
    assert not foreign_paths(f"of network/{work}/x, https://a.org/{work}/x, ./{home}/y")


SAMPLE = """
Text with `dreamvideo nothing` inline.

<!-- run -->
```console
$ dreamvideo dream in.mp4 -o out.mp4 \\
    --layer conv4_3   # the usual one
out.mp4: 4 frames
```

```bash
pip install dreamvideo
dreamvideo layers | head -3
```

```python
dreamvideo
```
"""


def test_commands_are_found() -> None:
    assert list(commands_in(SAMPLE)) == [
        Command(("dream", "in.mp4", "-o", "out.mp4", "--layer", "conv4_3"), True),
        Command(("layers",), False),
    ]


@pytest.mark.parametrize(
    "line", ["dream in.mp4 -o out.mp4 --bogus 1", "dream in.mp4", "draem", "dream a -o b --crf x"]
)
def test_commands_that_do_not_exist_are_refused(line: str) -> None:
    with pytest.raises(typer.BadParameter.__mro__[1]):
        parse(tuple(line.split()))
