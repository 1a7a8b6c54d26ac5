"""Reading a playbook from a YAML file: the checked playbook out, or every problem with its line and column, all at once."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from commands.holiday_calendar import country_problems, explicit
from commands.model_places import members_at, place_in_document, tags_at
from commands.rule_parser import RuleError, parse_rule
from commands.yaml_scalars import index_in_file
from domain.naming import nearest
from domain.playbook.check import Place, PlaybookProblem, check
from domain.playbook.model import Playbook
from domain.playbook.part import NAME
from domain.playbook.published import JudgingRule, PublishedPlaybook
from domain.playbook.working_time import COUNTRY, HOURS
from domain.refusals import Problem
from domain.rules.tree import Rule
from domain.rules.types import Vocabulary

MAX_BYTES = 2_000_000
MAX_CHARACTERS = 600_000
MAX_VALUES = 20_000
"""How many names, values and brackets a file may hold: eight times as many as the largest playbook that comes with this package."""
MAX_DEPTH = 40

_SPELLINGS = {
    NAME: "a name: letters, digits and underscores, not beginning with a digit",
    HOURS: "a stretch of working time, as 09:00-12:00",
    COUNTRY: "a country by its ISO code, as CN, or a part of one, as DE-BY",
}

_FAST: Any = getattr(yaml, "CSafeLoader", None)
"""None where PyYAML came without libyaml."""

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, order=True)
class FileProblem:
    """One thing wrong with a file, at a line and column counted from 1."""

    line: int
    column: int
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        hint = (
            f"{self.message.rstrip('.')}; did you mean {self.suggestion!r}?"
            if self.suggestion
            else self.message
        )
        return f"line {self.line}, column {self.column}: {hint}"


class FileRefused(ValueError):
    """A file is not what it should be; `problems` names everything wrong with it, in reading order."""

    def __init__(self, name: str, problems: Sequence[FileProblem]) -> None:
        self.name = name
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(f"{name}: {problem}" for problem in self.problems))


def read_playbook(path: Path) -> PublishedPlaybook:
    """Read and check a playbook file; its number is 0, as it is only a draft. Raises FileRefused."""
    return parse_playbook(read_text(path), path.name)


def parse_playbook(text: str, name: str) -> PublishedPlaybook:
    """Check the text of a playbook and make its calendar explicit; `name` is what problems are reported under. Raises FileRefused."""
    document = YamlDocument.parse(text, name)
    playbook = document.validate(Playbook)
    rules, problems = check(playbook, _read_rule)
    calendar = playbook.calendar
    if calendar is not None:
        problems += country_problems(calendar, ("calendar",))
    if problems:
        raise FileRefused(name, [document.locate(problem) for problem in problems])
    if calendar is not None:
        playbook = playbook.model_copy(update={"calendar": explicit(calendar, playbook.time_zone)})
    return PublishedPlaybook(playbook, 0, {place: JudgingRule.of(rule.tree) for place, rule in rules.items()})


def in_text(text: str, name: str, problems: Sequence[Problem]) -> list[FileProblem]:
    """Return problems that point into a playbook as problems of the text it was read from, each with its line and column."""
    document = YamlDocument.parse(text, name)
    return [
        document.locate(PlaybookProblem(tuple(found.pointer.split("/")[1:]), found.message, found.suggestion))
        for found in problems
    ]


def read_text(path: Path) -> str:
    """Read a UTF-8 file. Raises FileRefused when it is missing, too big or in another encoding."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FileRefused(str(path), [FileProblem(1, 1, f"cannot be read: {error.strerror}")]) from None
    if len(raw) > MAX_BYTES:
        raise FileRefused(path.name, [FileProblem(1, 1, f"is larger than {MAX_BYTES:,} bytes")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _place_of(raw.removeprefix(b"\xef\xbb\xbf")[: error.start].decode())
        raise FileRefused(
            path.name, [FileProblem(line, column, "is not UTF-8; save the file in that encoding")]
        ) from None


def _read_rule(text: str, vocabulary: Vocabulary, place: Place) -> Rule | list[PlaybookProblem]:
    try:
        return parse_rule(text, vocabulary)
    except RuleError as error:
        return [
            PlaybookProblem(place, found.reason, found.suggestion, found.line, found.column)
            for found in error.problems
        ]


class YamlDocument:
    """A YAML document that knows where each of its values stands."""

    def __init__(self, name: str, root: yaml.Node, data: Any, text: str) -> None:
        self.name = name
        self.data = data
        self._root = root
        self._text = text

    @classmethod
    def parse(cls, text: str, name: str) -> "YamlDocument":
        """Parse YAML by its safe subset. Raises FileRefused, also for a name that is given twice."""
        try:
            root = _composed(text, name)
            _read_on_as_a_word(root)
            data = None if root is None else yaml.SafeLoader("").construct_document(root)
        except FileRefused:
            raise
        except yaml.reader.ReaderError as error:
            line, column = _place_of(text[: error.position])
            problem = FileProblem(
                line, column, f"is not YAML: the character U+{ord(text[error.position]):04X} is not allowed"
            )
            raise FileRefused(name, [problem]) from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise FileRefused(
                name, [FileProblem(line, column, f"is not YAML: {error.problem or error.context}")]
            ) from None
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise FileRefused(name, [FileProblem(1, 1, f"is not YAML: {error}")]) from None
        if not isinstance(root, yaml.MappingNode):
            raise FileRefused(name, [FileProblem(1, 1, "is empty or not a mapping of names to values")])
        if twice := list(_named_twice(root)):
            raise FileRefused(name, twice)
        return cls(name, root, data, text)

    def validate(self, model: type[Model]) -> Model:
        """Read the document as a model. Raises FileRefused with every problem at its place."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            raise FileRefused(self.name, [self._explain(model, found) for found in error.errors()]) from None

    def _explain(self, model: type[BaseModel], found: Any) -> FileProblem:
        location = tuple(str(step) for step in found["loc"] if step != "[key]")
        place = place_in_document(model, location)
        of_a_name = found["type"] == "extra_forbidden" or "[key]" in found["loc"]
        if found["type"] == "union_tag_invalid":
            place = (*place, found["ctx"]["discriminator"].strip("'"))
        mark = self._node(place, key=of_a_name).start_mark
        message, suggestion = found["msg"], None
        match found["type"]:
            case "extra_forbidden" if found["input"] is None and {"zh", "en"} & set(self._siblings(place)):
                message = "a text with a comma needs quotes when it stands in braces"
            case "extra_forbidden":
                message, suggestion = (
                    f"there is no member {place[-1]!r} here",
                    nearest(place[-1], members_at(model, location[:-1])),
                )
            case "missing":
                message = f"the member {place[-1]!r} is missing"
            case "string_type" if of_a_name:
                message = "a name is a text; put it in quotes"
            case "string_pattern_mismatch" if of_a_name:
                message = f"{place[-1]!r} is not {_SPELLINGS[NAME]}"
            case "string_pattern_mismatch" if found["ctx"]["pattern"] in _SPELLINGS:
                message = f"{found['input']!r} is not {_SPELLINGS[found['ctx']['pattern']]}"
            case "value_error":
                message = message.removeprefix("Value error, ")
            case "string_type" if isinstance(found["input"], bool):
                message = "YAML reads this as true or false; put it in quotes"
            case "model_type" | "model_attributes_type":
                message = f"members are expected here, such as {', '.join(members_at(model, location))}"
            case "enum" | "literal_error":
                valid = _listed(found["ctx"]["expected"])
                message = f"{found['input']!r} is none of {', '.join(valid)}"
                suggestion = nearest(str(found["input"]), valid)
            case "union_tag_invalid":
                valid = _listed(found["ctx"]["expected_tags"])
                message = f"{found['ctx']['tag']!r} is none of {', '.join(valid)}"
                suggestion = nearest(str(found["ctx"]["tag"]), valid)
            case "union_tag_not_found":
                tag = found["ctx"]["discriminator"].strip("'")
                message = f"the member {tag!r} is missing: {', '.join(tags_at(model, location))}"
        return FileProblem(mark.line + 1, mark.column + 1, message, suggestion)

    def _siblings(self, place: Place) -> list[str]:
        """The names beside the one at a place."""
        node = self._node(place[:-1])
        return [str(name.value) for name, _ in node.value] if isinstance(node, yaml.MappingNode) else []

    def locate(self, problem: PlaybookProblem) -> FileProblem:
        """Turn a place in the document into a line and column of the file."""
        node = self._node(problem.place)
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if problem.line and isinstance(node, yaml.ScalarNode):
            line, column = self._inside(node, problem.line, problem.column)
        return FileProblem(line, column, problem.message, problem.suggestion)

    def _inside(self, node: yaml.ScalarNode, line: int, column: int) -> tuple[int, int]:
        """Where a place inside a text stands in the file, however the text is written there."""
        lines = node.value.split("\n")
        offset = sum(len(text) + 1 for text in lines[: line - 1]) + column - 1
        at = index_in_file(self._text, node, min(offset, len(node.value)))
        return self._text.count("\n", 0, at) + 1, at - (self._text.rfind("\n", 0, at) + 1) + 1

    def _node(self, place: Place, *, key: bool = False) -> yaml.Node:
        """The node at a place, or the nearest one above it; `key` asks for the name instead of the value."""
        node: yaml.Node = self._root
        for index, step in enumerate(place):
            if isinstance(node, yaml.MappingNode):
                found = next(((name, value) for name, value in node.value if step in _spellings(name)), None)
                if found is None:
                    return node
                node = found[0] if key and index == len(place) - 1 else found[1]
            elif isinstance(node, yaml.SequenceNode):
                item = _item(node, step)
                if item is None:
                    return node
                node = item
            else:
                return node
        return node


def _item(listed: yaml.SequenceNode, step: str) -> yaml.Node | None:
    """The item of a list by its number, or by the name it carries where the list is another way to write a mapping."""
    if step.isdigit():
        return listed.value[int(step)] if int(step) < len(listed.value) else None
    return next(
        (
            item
            for item in listed.value
            for name, value in (item.value if isinstance(item, yaml.MappingNode) else ())
            if name.value == "name" and value.value == step
        ),
        None,
    )


def _listed(names: str) -> list[str]:
    """The names pydantic lists in a sentence."""
    return [part.strip(" '") for part in names.replace(" or ", ", ").split(",")]


def _composed(text: str, name: str) -> yaml.Node | None:
    """Read YAML by libyaml, many times as fast; what it refuses is read again in Python, whose messages and places are the better ones."""
    if _FAST is not None:
        with suppress(yaml.YAMLError, UnicodeError):
            _refuse_what_explodes(text, name, _FAST)
            return yaml.compose(text, Loader=_FAST)
    _refuse_what_explodes(text, name, yaml.SafeLoader)
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _read_on_as_a_word(node: yaml.Node | None) -> None:
    """Read the name `on`, which says what sets a reaction off, as it is written: YAML 1.1 takes it for true."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode) and name.value == "on" and not name.style:
                name.tag = "tag:yaml.org,2002:str"
            _read_on_as_a_word(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _read_on_as_a_word(item)


def _refuse_what_explodes(text: str, name: str, loader: Any) -> None:
    """Aliases can make a small file as large as one likes, and deep nesting and many values as slow; all are found as they come."""
    if len(text) > MAX_CHARACTERS:
        line, column = _place_of(text[:MAX_CHARACTERS])
        raise FileRefused(name, [FileProblem(line, column, f"has more than {MAX_CHARACTERS:,} characters")])
    depth = 0
    for count, found in enumerate(yaml.parse(text, Loader=loader)):
        depth += isinstance(found, yaml.CollectionStartEvent) - isinstance(found, yaml.CollectionEndEvent)
        if isinstance(found, yaml.AliasEvent):
            problem = "aliases (*name) are not supported; repeat the value"
        elif depth > MAX_DEPTH:
            problem = f"is nested more than {MAX_DEPTH} deep"
        elif count > MAX_VALUES:
            problem = f"has more than {MAX_VALUES:,} names and values"
        elif isinstance(found, yaml.ScalarEvent) and found.value == "<<" and found.implicit[0]:
            problem = "merges (<<) are not supported; write the members themselves"
        else:
            continue
        assert found.start_mark is not None
        raise FileRefused(
            name, [FileProblem(found.start_mark.line + 1, found.start_mark.column + 1, problem)]
        )


def _place_of(before: str) -> tuple[int, int]:
    """Line and column, from 1, of what comes after a text."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _spellings(name: yaml.Node) -> tuple[str, ...]:
    """How a name may appear in a place: as it is written, and as YAML understands it (yes is True)."""
    if not isinstance(name, yaml.ScalarNode) or name.tag == "tag:yaml.org,2002:str":
        return (str(name.value),)
    return str(name.value), str(yaml.SafeLoader("").construct_object(name))


def _named_twice(node: yaml.Node) -> Iterator[FileProblem]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for name, value in node.value:
            if name.value in seen:
                yield FileProblem(
                    name.start_mark.line + 1,
                    name.start_mark.column + 1,
                    f"the name {name.value!r} is given twice",
                )
            seen.add(name.value)
            yield from _named_twice(value)
    elif isinstance(node, yaml.SequenceNode):
        names: set[str] = set()
        for item in node.value:
            yield from _named_twice(item)
            # A list of parts that carry their names is another way to write a mapping.
            for name, value in item.value if isinstance(item, yaml.MappingNode) else ():
                if name.value == "name" and isinstance(value, yaml.ScalarNode):
                    if value.value in names:
                        mark = value.start_mark
                        yield FileProblem(
                            mark.line + 1, mark.column + 1, f"the name {value.value!r} is given twice"
                        )
                    names.add(value.value)
