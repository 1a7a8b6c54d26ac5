"""Reading where goes what a new version of a playbook takes away: from a YAML file, or from the body of a request."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel

from commands.playbook_file import YamlDocument, read_text
from domain.playbook.part import Name
from domain.playbook.published import KindMappings


class MappedKind(BaseModel):
    """What is mapped in one kind: stage → stage, field → field or null, field → option → option or null."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stages: Mapping[Name, Name] = {}
    fields: Mapping[Name, Name | None] = {}
    options: Mapping[Name, Mapping[Name, Name | None]] = {}

    def mappings(self) -> KindMappings:
        """Return them as the domain knows them."""
        return KindMappings(
            dict(self.stages), dict(self.fields), {name: dict(to) for name, to in self.options.items()}
        )


class MappedKinds(RootModel[Mapping[Name, MappedKind]]):
    """Mappings by kind."""

    def mappings(self) -> dict[str, KindMappings]:
        """Return them as the domain knows them."""
        return {kind: mapped.mappings() for kind, mapped in self.root.items()}


def read_mappings(path: Path) -> dict[str, KindMappings]:
    """Read a file of mappings. Raises FileRefused with everything wrong, at its line and column."""
    return YamlDocument.parse(read_text(path), path.name).validate(MappedKinds).mappings()
