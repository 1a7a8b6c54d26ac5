"""Every sentence a refusal can say, found in the sources: what is given to the `message` of whatever carries one.

A sentence is followed back from where it is carried: through names, conditions, tables and the functions that made it, to the text it is
written as. What a sentence leaves open is a slot.
"""

import ast
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
LAYERS = ("domain", "commands", "projections", "read_api")
_MOST_TOGETHER = 40
"""How many wordings a sentence may have before its parts are no longer varied one against the other."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Slot(NamedTuple):
    """A place in a sentence that is filled while the program runs: with a name as `repr` quotes it, or with a figure or an id."""

    spelled: str
    is_quoted: bool

    @property
    def is_a_caught_error(self) -> bool:
        """Whether this is the text of an error: it is a message of its own, found where that error is made."""
        return self.spelled.startswith("‹error› ")


Template = tuple[str | Slot, ...]
"""A sentence: its words and its slots."""


class Sentence(NamedTuple):
    """One sentence of the program, and where it is carried."""

    place: str
    carrier: str
    template: Template

    @property
    def shown(self) -> str:
        """The sentence as it is written, with its slots in braces."""
        return "".join(part if isinstance(part, str) else f"{{{part.spelled}}}" for part in self.template)


@dataclass
class Module:
    """One source file, and what its names mean."""

    path: Path
    tree: ast.Module
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for parent in ast.walk(self.tree):
            for child in ast.iter_child_nodes(parent):
                self.parents[child] = parent

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def name(self) -> str:
        return ".".join(self.path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")

    @cached_property
    def imported(self) -> dict[str, tuple[str, str]]:
        """What the names imported from elsewhere are called there."""
        return {
            name.asname or name.name: (node.module or "", name.name)
            for node in self.nodes
            if isinstance(node, ast.ImportFrom)
            for name in node.names
        }

    @cached_property
    def at_the_top(self) -> dict[str, ast.expr]:
        """The values that names of the module are given."""
        told: dict[str, ast.expr] = {}
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                told[node.targets[0].id] = node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                told[node.target.id] = node.value
        return told

    def function_around(self, node: ast.AST) -> _Function | None:
        """The function a node stands in."""
        while (node := self.parents.get(node, self.tree)) is not self.tree:
            if isinstance(node, _Function):
                return node
        return None


class Sources:
    """The sources of the layers that refuse, and the sentences in them."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.modules = [Module(path, ast.parse(path.read_text("utf-8"))) for path in paths]
        self._by_name = {module.name: module for module in self.modules}
        self._functions: dict[str, list[tuple[Module, _Function]]] = {}
        self._calls: dict[str, list[tuple[Module, ast.Call]]] = {}
        for module in self.modules:
            for node in module.nodes:
                if isinstance(node, _Function):
                    self._functions.setdefault(node.name, []).append((module, node))
                elif isinstance(node, ast.Call) and (called := _called(node.func)):
                    self._calls.setdefault(called, []).append((module, node))
        self._open: set[int] = set()
        self._made_by: dict[_Function, tuple[ast.Call, Module]] = {}

    # ── what carries a message ───────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def carriers(self) -> dict[str, list[tuple[str, int]]]:
        """Every class and exception that is made with a message or reason, by its module and name, and where among its arguments that stands."""
        return {
            f"{module.name}.{node.name}": text
            for module in self.modules
            for node in module.nodes
            if isinstance(node, ast.ClassDef) and (text := list(_text_of(node)))
        }

    def sentences(self, carriers: Iterable[str]) -> Iterator[Sentence]:
        """Every sentence that is given to one of some carriers."""
        for carrier in carriers:
            home, _, made = carrier.rpartition(".")
            names = {(home, made)} | {
                (module.name, name)
                for module in self.modules
                for name, origin in module.imported.items()
                if origin == (home, made)
            }
            for module, call in (
                found for called in {name for _, name in names} for found in self._calls.get(called, ())
            ):
                if not isinstance(call.func, ast.Name) or (module.name, call.func.id) not in names:
                    continue
                for name, index in self.carriers[carrier]:
                    argument = _argument(call, name, index)
                    if argument is None:
                        continue
                    place = f"{module.path.relative_to(ROOT)}:{call.lineno}"
                    for template in self.texts(argument, module):
                        yield Sentence(place, carrier, template)

    def of_plain_errors(self) -> Iterator[Sentence]:
        """Every sentence of a ValueError that becomes a message: in models, of which pydantic makes problems, and where one is caught and told."""
        for module in self.modules:
            is_of_models = any(origin.startswith("pydantic") for origin, _ in module.imported.values())
            if not is_of_models and module.name not in self._caught_and_told:
                continue
            for node in module.nodes:
                match node:
                    case ast.Raise(exc=ast.Call(func=ast.Name(id="ValueError"), args=[told])):
                        found = told
                    case ast.Raise(exc=ast.Call(func=ast.Name(id="PydanticCustomError"), args=[_, told, *_])):
                        found = told
                    case _:
                        continue
                for template in self.texts(found, module):
                    yield Sentence(f"{module.path.relative_to(ROOT)}:{found.lineno}", "ValueError", template)

    @cached_property
    def _caught_and_told(self) -> set[str]:
        """The modules something is called of where a ValueError is caught and told on."""
        return {
            module.imported[name.id][0]
            for module in self.modules
            for node in module.nodes
            if isinstance(node, ast.Try)
            for handler in node.handlers
            if handler.name and handler.type is not None and ast.unparse(handler.type) == "ValueError"
            if any(
                ast.unparse(told) == f"str({handler.name})"
                for told in ast.walk(handler)
                if isinstance(told, ast.Call)
            )
            for tried in node.body
            for name in ast.walk(tried)
            if isinstance(name, ast.Name) and name.id in module.imported
        }

    # ── what an expression may say ───────────────────────────────────────────────────────────────────────────────────

    def texts(self, node: ast.expr, module: Module) -> list[Template]:
        """Return every text an expression may be."""
        if id(node) in self._open:
            return []
        self._open.add(id(node))
        try:
            found = list(dict.fromkeys(_joined(template) for template in self._texts(node, module)))
        finally:
            self._open.discard(id(node))
        return found

    def _texts(self, node: ast.expr, module: Module) -> Iterable[Template]:
        match node:
            case ast.Constant(value=str(text)):
                return [(text,)]
            case ast.Constant(value=None):
                return []
            case ast.JoinedStr():
                return self._product(node.values, module)
            case ast.FormattedValue(value=value, conversion=114):
                return [(Slot(ast.unparse(value), is_quoted=True),)]
            case ast.FormattedValue(value=value):
                return self.texts(value, module)
            case ast.IfExp(body=body, orelse=orelse):
                return [*self.texts(body, module), *self.texts(orelse, module)]
            case ast.BoolOp(values=values):
                # `x or ""` is for the type alone: a sentence has no gap.
                meant = [
                    value for value in values if not (isinstance(value, ast.Constant) and not value.value)
                ]
                return [text for value in meant for text in self.texts(value, module)]
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return self._product([left, right], module)
            case ast.NamedExpr(value=value):
                return self.texts(value, module)
            case ast.Name():
                return self._named(node, module)
            case ast.Subscript(value=table) if isinstance(table, ast.Name):
                return self._of_table(table, module) or [(_slot(node),)]
            case ast.Attribute():
                return self._attribute(node, module)
            case ast.Call():
                return self._called(node, module)
        return [(_slot(node),)]

    def _is_an_error(self, name: ast.Name, module: Module) -> bool:
        """Whether a name is that of an error that was caught around it, or is given as one."""
        function = module.function_around(name)
        parameters = [] if function is None else [*function.args.args, *function.args.kwonlyargs]
        carriers = {carrier.rpartition(".")[2] for carrier in self.carriers}
        return _is_caught(name, module) or any(
            parameter.arg == name.id
            and parameter.annotation is not None
            and ast.unparse(parameter.annotation) in carriers
            for parameter in parameters
        )

    def _product(self, parts: Sequence[ast.expr], module: Module) -> Iterable[Template]:
        wordings = [self.texts(part, module) for part in parts]
        if math.prod(map(len, wordings)) <= _MOST_TOGETHER:
            return [tuple(itertools.chain(*chosen)) for chosen in itertools.product(*wordings)]
        # Each wording of each part at least once, instead of each one with each other one.
        rounds = range(max(map(len, wordings)))
        return [tuple(itertools.chain(*(part[at % len(part)] for part in wordings))) for at in rounds]

    def _attribute(self, node: ast.Attribute, module: Module) -> Iterable[Template]:
        """The text of what was caught or passed on, which is a sentence of its own; of anything else a slot."""
        if node.attr in {"message", "reason", "sentence"}:
            return [(Slot(f"‹error› {ast.unparse(node)}", is_quoted=False),)]
        return [(_slot(node),)]

    def _called(self, node: ast.Call, module: Module) -> Iterable[Template]:
        called = _called(node.func)
        if called == "str" and len(node.args) == 1:
            if isinstance(node.args[0], ast.Name) and self._is_an_error(node.args[0], module):
                return [(Slot(f"‹error› {ast.unparse(node)}", is_quoted=False),)]
            return self.texts(node.args[0], module)
        if called == "repr" or (called == "short" and not isinstance(node.func, ast.Attribute)):
            return [(Slot(ast.unparse(node), is_quoted=True),)]
        if called == "get" and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            told = self._of_table(node.func.value, module)
            return (
                [*told, *self.texts(node.args[1], module)]
                if told and len(node.args) > 1
                else told or [(_slot(node),)]
            )
        if called == "join" and isinstance(node.func, ast.Attribute) and len(node.args) == 1:
            return self._joined_list(node, module)
        if called == "capitalize" and isinstance(node.func, ast.Attribute):
            return [_capital(text) for text in self.texts(node.func.value, module)]
        if called in {"rstrip", "strip", "lower"} and isinstance(node.func, ast.Attribute):
            return self.texts(node.func.value, module)
        told = [
            text
            for owner, function in self._defined(node.func, module)
            for text in self._returned(function, owner, node, module)
        ]
        return told or [(_slot(node),)]

    def _joined_list(self, node: ast.Call, module: Module) -> Iterable[Template]:
        """The texts of a list as they stand in a sentence: one of them, and two."""
        (listed,) = node.args
        if isinstance(listed, ast.Call) and ast.unparse(listed).startswith(("map(repr, ", "map(short, ")):
            return [(Slot(ast.unparse(listed), is_quoted=True),)]
        mark = ast.literal_eval(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        found = [
            text for element in self._elements(listed, node, module) for text in self.texts(element, module)
        ]
        return [*found, *((*text, mark, *text) for text in found)] or [(_slot(node),)]

    def _elements(self, listed: ast.expr, node: ast.expr, module: Module) -> list[ast.expr]:
        """What the elements of a list are made as: where it is written, and in the function it is put together in."""
        match listed:
            case ast.GeneratorExp(elt=element) | ast.ListComp(elt=element):
                return [element]
            case ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name)):
                around = module.function_around(node)
                steps = [] if around is None else list(ast.walk(around))
                given = [value for step in steps for value in _given(step, name) or ()]
                made = [value.elt for value in given if isinstance(value, ast.ListComp)]
                appended = [
                    step.args[0]
                    for step in steps
                    if isinstance(step, ast.Call) and ast.unparse(step.func) == f"{name}.append"
                ]
                return made or appended
        return []

    def _returned(self, function: _Function, owner: Module, call: ast.Call, module: Module) -> list[Template]:
        """What a function returns where a call asked it: its parameters are what this call gives."""
        before = self._made_by.get(function)
        self._made_by[function] = (call, module)
        try:
            return [
                text
                for returned in ast.walk(function)
                if isinstance(returned, ast.Return)
                and returned.value
                and owner.function_around(returned) is function
                for text in self.texts(returned.value, owner)
            ]
        finally:
            del self._made_by[function]
            if before is not None:
                self._made_by[function] = before

    def _defined(self, func: ast.expr, module: Module) -> list[tuple[Module, _Function]]:
        """The functions a call may mean."""
        name = _called(func)
        if name is None:
            return []
        known = self._functions.get(name, [])
        if isinstance(func, ast.Name):
            origin, there = module.imported.get(name, (module.name, name))
            home = self._by_name.get(origin)
            known = self._functions.get(there, [])
            return [(owner, found) for owner, found in known if owner is home]
        return known if len(known) == 1 else [(owner, found) for owner, found in known if owner is module]

    def _named(self, node: ast.Name, module: Module) -> Iterable[Template]:
        function: ast.AST | None = module.function_around(node)
        while isinstance(function, _Function):
            told = self._told_in(function, node.id, module)
            if told is not None:
                return told or [(_slot(node),)]
            function = module.function_around(function)
        if node.id in module.at_the_top:
            return self.texts(module.at_the_top[node.id], module)
        if node.id in module.imported:
            origin, name = module.imported[node.id]
            home = self._by_name.get(origin)
            if home is not None and name in home.at_the_top:
                return self.texts(home.at_the_top[name], home)
        return [(_slot(node),)]

    def _told_in(self, function: _Function, name: str, module: Module) -> list[Template] | None:
        """What a name of a function may be: what it is given there, and what callers give; None where the function has no such name."""
        told: list[Template] = []
        is_known = False
        for node in ast.walk(function):
            values = self._of_pair(node, name, module) or _given(node, name)
            if values is not None:
                is_known = True
                told += [text for value in values for text in self.texts(value, module)]
        parameters = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        names = [parameter.arg for parameter in parameters]
        if name not in names:
            return told if is_known else None
        by_call = [
            text
            for value, home in self._passed(function, names.index(name), name)
            for text in self.texts(value, home)
        ]
        default = _default(function, name)
        return [*told, *by_call, *(self.texts(default, module) if default is not None else [])]

    def _of_pair(self, node: ast.AST, name: str, module: Module) -> list[ast.expr] | None:
        """The values a name is given as one of several that a function of the module returns."""
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Call(func=func)):
                if name not in [told.id for told in names if isinstance(told, ast.Name)]:
                    return None
                return [
                    value
                    for owner, function in self._defined(func, module)
                    if owner is module
                    for returned in ast.walk(function)
                    if isinstance(returned, ast.Return) and returned.value
                    for value in _part(names, returned.value, name) or []
                ]
        return None

    def _passed(self, function: _Function, index: int, name: str) -> Iterator[tuple[ast.expr, Module]]:
        """What callers give as a parameter of a function; where one call asked it, what that one gives."""
        decorated = {
            _called(it) if isinstance(it, ast.Name | ast.Attribute) else "" for it in function.decorator_list
        }
        is_bound = (
            function.args.args[:1]
            and function.args.args[0].arg in {"self", "cls"}
            and "staticmethod" not in decorated
        )
        if function in self._made_by:
            call, home = self._made_by[function]
            argument = _argument(call, name, index - 1 if is_bound else index)
            if argument is not None:
                yield argument, home
            return
        for home, call in self._calls.get(function.name, ()):
            if self._may_mean(call.func, function, home):
                argument = _argument(call, name, index - 1 if is_bound else index)
                if argument is not None:
                    yield argument, home

    def _may_mean(self, func: ast.expr, function: _Function, module: Module) -> bool:
        """Whether a call may be one of a function: by its name where that is imported, by its class, or by any object otherwise."""
        if function in [found for _, found in self._defined(func, module)]:
            return True
        if not isinstance(func, ast.Attribute):
            return False
        made = self._class_around(function)
        if isinstance(func.value, ast.Name) and func.value.id[:1].isupper():
            return made is not None and made.name == func.value.id
        return made is not None and not function.decorator_list and not self._defined(func, module)

    def _class_around(self, function: _Function) -> ast.ClassDef | None:
        for module, found in self._functions[function.name]:
            if found is function and isinstance(around := module.parents[function], ast.ClassDef):
                return around
        return None

    def _of_table(self, node: ast.Name, module: Module) -> list[Template]:
        """The texts a table of a module may answer with."""
        origin, name = module.imported.get(node.id, (module.name, node.id))
        home = self._by_name.get(origin)
        table = None if home is None else home.at_the_top.get(name)
        if home is None or not isinstance(table, ast.Dict):
            return []
        return [text for value in table.values for text in self.texts(value, home)]


def _called(func: ast.expr) -> str | None:
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else None


def _slot(node: ast.expr) -> Slot:
    return Slot(ast.unparse(node), is_quoted=False)


def _joined(template: Template) -> Template:
    """A sentence whose words stand together."""
    parts: list[str | Slot] = []
    for part in template:
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        elif part != "":
            parts.append(part)
    return tuple(parts)


def _capital(template: Template) -> Template:
    first, *rest = template or ("",)
    return (first.capitalize() if isinstance(first, str) else first, *rest)


def _argument(call: ast.Call, name: str, index: int) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    before = call.args[: index + 1]
    if len(before) == index + 1 and not any(isinstance(it, ast.Starred) for it in before):
        return before[index]
    return None


def _text_of(made: ast.ClassDef) -> Iterator[tuple[str, int]]:
    """Where a class takes the text it carries."""
    for node in made.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            for index, parameter in enumerate([*node.args.args[1:], *node.args.kwonlyargs]):
                if parameter.arg in {"message", "reason"}:
                    yield parameter.arg, index
            return
    members = [
        it.target.id for it in made.body if isinstance(it, ast.AnnAssign) and isinstance(it.target, ast.Name)
    ]
    for index, name in enumerate(members):
        if name in {"message", "reason"}:
            yield name, index


def _given(node: ast.AST, name: str) -> list[ast.expr] | None:
    """The values a statement gives a name; None where it gives it none."""
    match node:
        case ast.Assign(targets=[ast.Name(id=told)], value=value) if told == name:
            return [value]
        case ast.AnnAssign(target=ast.Name(id=told), value=value) if told == name and value is not None:
            return [value]
        case ast.NamedExpr(target=ast.Name(id=told), value=value) if told == name:
            return [value]
        case ast.AugAssign(target=ast.Name(id=told), value=value) if told == name:
            return [value]
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=value):
            return _part(names, value, name)
        case (
            ast.For(target=target, iter=ast.Tuple(elts=rows) | ast.List(elts=rows))
            | ast.comprehension(target=target, iter=ast.Tuple(elts=rows) | ast.List(elts=rows))
        ):
            if isinstance(target, ast.Name) and target.id == name:
                return rows
            if isinstance(target, ast.Tuple):
                parts = [_part(target.elts, row, name) for row in rows]
                return None if None in parts else [it for part in parts for it in part or ()]
        case ast.For(target=target) | ast.comprehension(target=target):
            return [] if any(isinstance(it, ast.Name) and it.id == name for it in ast.walk(target)) else None
    return None


def _part(names: Sequence[ast.expr], value: ast.expr, name: str) -> list[ast.expr] | None:
    for index, told in enumerate(names):
        if isinstance(told, ast.Name) and told.id == name:
            return (
                [value.elts[index]] if isinstance(value, ast.Tuple) and len(value.elts) == len(names) else []
            )
    return None


def _default(function: _Function, name: str) -> ast.expr | None:
    positional = [*function.args.posonlyargs, *function.args.args]
    for parameter, default in zip(reversed(positional), reversed(function.args.defaults), strict=False):
        if parameter.arg == name:
            return default
    for parameter, keyword in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        if parameter.arg == name:
            return keyword
    return None


def _is_caught(name: ast.Name, module: Module) -> bool:
    """Whether a name is that of an error that was caught around it."""
    node: ast.AST = name
    while (node := module.parents.get(node, module.tree)) is not module.tree:
        if isinstance(node, ast.ExceptHandler) and node.name == name.id:
            return True
    return False


def the_sources() -> Sources:
    """Return the sources of the layers that refuse, without examples: what those show is told elsewhere."""
    return Sources(
        path
        for layer in LAYERS
        for path in sorted((ROOT / layer).rglob("*.py"))
        if not path.name.startswith("example_") and path.name != "playbook_in_chinese.py"
    )
