"""Arithmetic that somebody typed: a whitelist over Python's syntax tree, evaluated for all frames at once.

Nothing is ever given to `eval`: what is not listed here is refused when the text is read. All numbers are
float64, so that ``9**9**9`` is infinite and not a number of a billion digits; what is not finite is refused
with the frame at which it arises.
"""

from __future__ import annotations

import ast
import difflib
import math
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dreamvideo.errors import ScheduleError

if TYPE_CHECKING:
    import numpy as np

Variables = Mapping[str, "np.ndarray | float"]

MOST_DEPTH = 50  # of brackets and operations in one another

CONSTANTS = {"pi": math.pi, "e": math.e}
OPERATORS: dict[type[ast.AST], str] = {  # numpy's names
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Mod: "mod",
    ast.Pow: "power",
    ast.USub: "negative",
    ast.UAdd: "positive",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}
FUNCTIONS: dict[str, tuple[str, int, int]] = {  # numpy's name, least and most arguments
    **{name: (name, 1, 1) for name in ("sin", "cos", "tan", "exp", "log", "sqrt", "abs", "floor")},
    "min": ("minimum", 2, 20),
    "max": ("maximum", 2, 20),
    "clip": ("clip", 3, 3),
    "where": ("where", 3, 3),
    "noise": ("noise", 1, 1),
}
CHARACTERS = frozenset(" abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,:()+-*/%<>=!")


@dataclass(frozen=True)
class Expression:
    """A piece of a schedule that was read and found good.

    Attributes:
        text: the whole schedule. start: where in it the expression begins, counted from 0.
        names: of the variables it uses, `noise` among them.
    """

    text: str
    start: int
    node: ast.expr
    names: frozenset[str]

    def evaluate(self, variables: Variables) -> np.ndarray:
        """Its values, float64; one for each frame where the variables hold one for each frame.

        Raises:
            ScheduleError: a variable that is not among `variables`: the film has no sound.
        """
        import numpy as np

        with np.errstate(all="ignore"):
            return np.asarray(self._value(self.node, variables), np.float64)

    def _value(self, node: ast.expr, variables: Variables) -> Any:
        import numpy as np

        if isinstance(node, ast.Constant):
            return np.float64(node.value)  # type: ignore[arg-type]  # `_check` has let numbers pass only
        if isinstance(node, ast.Name):
            return self._variable(node, variables)
        if isinstance(node, ast.IfExp):
            test, then, otherwise = (
                self._value(part, variables) for part in (node.test, node.body, node.orelse)
            )
            return np.where(test != 0, then, otherwise)
        if isinstance(node, ast.Call):
            return self._call(node, variables)
        parts = [self._value(part, variables) for part in _operands(node)]
        if isinstance(node, ast.Compare):
            holds = [
                getattr(np, OPERATORS[type(operator)])(left, right)
                for operator, left, right in zip(node.ops, parts, parts[1:], strict=False)
            ]
            return np.all(np.broadcast_arrays(*holds), axis=0).astype(np.float64)
        assert isinstance(node, (ast.BinOp, ast.UnaryOp))
        return getattr(np, OPERATORS[type(node.op)])(*parts)

    def _variable(self, node: ast.Name, variables: Variables) -> np.ndarray | float:
        value = variables.get(node.id, CONSTANTS.get(node.id))
        if value is None:
            problem = f"'{node.id}' follows a sound, and there is none (zoom takes one with --audio FILE)"
            raise ScheduleError(self.text, self.start + node.col_offset, problem)
        return value

    def _call(self, node: ast.Call, variables: Variables) -> Any:
        import numpy as np

        assert isinstance(node.func, ast.Name)
        function, given = FUNCTIONS[node.func.id][0], [self._value(part, variables) for part in node.args]
        if function == "noise":
            return self._noise(node, given[0], variables)
        if function == "where":
            return np.where(given[0] != 0, given[1], given[2])
        result = getattr(np, function)(*given[: 3 if function == "clip" else 2])
        for more in given[2:] if function in ("minimum", "maximum") else ():
            result = getattr(np, function)(result, more)
        return result

    def _noise(self, node: ast.Call, seed: Any, variables: Variables) -> np.ndarray:
        """Smooth, from -1 to 1, about one swing a second; it closes with the film."""
        import numpy as np

        if np.ptp(seed) != 0 or not np.isfinite(seed).all():
            problem = "the seed of noise must stay the same: write a number, or s"
            raise ScheduleError(self.text, self.start + node.col_offset, problem)
        count = int(min(1e6, max(2.0, 2 * np.round(float(variables["T"])))))
        seeds = [int(word) for word in np.frombuffer(np.float64(np.ravel(seed)[0]).tobytes(), np.uint32)]
        knots = np.random.default_rng(seeds).uniform(-1, 1, count)
        place = np.asarray(variables["p"]) % 1 * count
        share = place % 1
        before = np.floor(place).astype(np.int64) % count
        return knots[before] + (knots[(before + 1) % count] - knots[before]) * share**2 * (3 - 2 * share)


def parse_expression(text: str, start: int, stop: int, known: Collection[str]) -> Expression:
    """Read ``text[start:stop]`` as arithmetic.

    Args:
        known: the variables that may be used there.

    Raises:
        ScheduleError: with the column of what is wrong.
    """
    source = text[start:stop]
    start += len(source) - len(source.lstrip())
    if not source.strip():
        raise ScheduleError(text, start, "a value is missing")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as for `1if 2else 3`
            node = ast.parse(source.strip(), mode="eval").body
    except SyntaxError as error:
        column = min(start + max(1, error.offset or 1) - 1, stop)
        raise ScheduleError(text, column, "this is not arithmetic") from None
    except (ValueError, MemoryError, RecursionError):
        raise ScheduleError(text, start, "this is not arithmetic") from None
    names = frozenset(_check(text, start, node, known, MOST_DEPTH))
    return Expression(text, start, node, names)


def _check(text: str, start: int, node: ast.expr, known: Collection[str], depth: int) -> Iterator[str]:
    """Refuse all that is not on the lists; yield the variables that are used."""
    column = start + node.col_offset
    if depth == 0:
        raise ScheduleError(text, column, f"more than {MOST_DEPTH} operations in one another")
    if isinstance(node, ast.Constant):
        _check_number(text, column, node.value)
    elif isinstance(node, ast.Name):
        yield from _check_name(text, column, node.id, known)
    elif isinstance(node, ast.Call):
        yield from _check_call(text, column, node)
    elif isinstance(node, (ast.BinOp, ast.UnaryOp)):
        _check_operator(text, column, node.op)
    elif isinstance(node, ast.Compare):
        for operator in node.ops:
            _check_operator(text, column, operator)
    elif not isinstance(node, ast.IfExp):
        raise ScheduleError(text, column, "only arithmetic can stand here")
    for part in _operands(node):
        yield from _check(text, start, part, known, depth - 1)


def _operands(node: ast.expr) -> list[ast.expr]:
    """The expressions that an expression is made of, from left to right."""
    if isinstance(node, ast.Call):
        return node.args
    return [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]


def _check_number(text: str, column: int, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ScheduleError(text, column, "only numbers can stand here")
    try:
        is_finite = math.isfinite(float(value))
    except OverflowError:
        is_finite = False
    if not is_finite:
        raise ScheduleError(text, column, "this number is too large")


def _check_name(text: str, column: int, name: str, known: Collection[str]) -> Iterator[str]:
    if name in FUNCTIONS:
        raise ScheduleError(text, column, f"{name} needs brackets: {name}(...)")
    if name in known:
        yield name
    elif name not in CONSTANTS:
        raise ScheduleError(text, column, f"no variable called '{name}'" + _nearest(name, known))


def _check_call(text: str, column: int, node: ast.Call) -> Iterator[str]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name not in FUNCTIONS:
        called = f"no function called '{name}'" if name else "this is not a function"
        raise ScheduleError(text, column, called + _nearest(name, FUNCTIONS))
    _, least, most = FUNCTIONS[name]
    if node.keywords or not least <= len(node.args) <= most:
        wanted = f"{least} or more values" if most > least else "1 value" if least == 1 else f"{least} values"
        raise ScheduleError(text, column, f"{name} takes {wanted}")
    if name == "noise":
        yield name


def _check_operator(text: str, column: int, operator: ast.AST) -> None:
    if type(operator) not in OPERATORS:
        raise ScheduleError(text, column, "only + - * / ** % < <= > >= == != are known here")


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, [*known, *CONSTANTS], n=1, cutoff=0.5)
    return f": did you mean {near[0]}?" if near else f" (there are {', '.join(sorted(known))})"
