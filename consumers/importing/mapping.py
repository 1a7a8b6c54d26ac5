"""Reading a mapping file: the checked mapping out, or every problem with its line and column, all at once."""

from collections.abc import Mapping as Named
from pathlib import Path

from commands.playbook_file import FileRefused, YamlDocument, read_text
from consumers.importing.check import problems_of
from consumers.importing.language import Mapping
from domain.naming import nearest
from domain.playbook.check import PlaybookProblem
from domain.playbook.published import PublishedPlaybook

__all__ = ["Mapping", "parse_mapping", "read_mapping"]


def read_mapping(path: Path, in_force: Named[str, PublishedPlaybook]) -> Mapping:
    """Read a mapping file and check every name against the playbook it is for. Raises FileRefused."""
    return parse_mapping(read_text(path), path.name, in_force)


def parse_mapping(text: str, name: str, in_force: Named[str, PublishedPlaybook]) -> Mapping:
    """Check the text of a mapping; `name` is what problems are reported under. Raises FileRefused."""
    document = YamlDocument.parse(text, name)
    mapping = document.validate(Mapping)
    playbook = in_force.get(mapping.playbook)
    if playbook is None:
        message = f"no playbook {mapping.playbook!r} is in force; publish it first"
        problem = PlaybookProblem(("playbook",), message, nearest(mapping.playbook, in_force))
        raise FileRefused(name, [document.locate(problem)])
    if problems := problems_of(mapping, playbook):
        raise FileRefused(name, [document.locate(problem) for problem in problems])
    return mapping
