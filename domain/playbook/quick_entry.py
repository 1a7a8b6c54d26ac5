"""Quick entry as a playbook tells it: presets, each one tap that says several things at once."""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import Field, StrictBool, StrictInt, StrictStr

from domain.labels import Label
from domain.playbook.part import Name, Names, Part

Fixed: TypeAlias = StrictBool | StrictInt | StrictStr | tuple[StrictStr, ...] | Mapping[str, StrictStr]
"""A value a playbook writes down: true or false, a whole number, a text (numbers with decimals, dates and options are texts),
options of a choice with several, or an amount as {amount, currency}."""


class Preset(Part):
    """What somebody notes with one tap: that they were in `touch`, what became of fields, and the step the record goes on to.

    `fields` are values the preset knows; `asks` are fields whoever taps gives a value for, and `note_asked` a sentence.
    `evidence` are evidence fields of which a valid piece, attached before, is named. `to` is the step the record moves to unless it stands there:
    its gate is asked as for any other move. All of it happens, or nothing.
    """

    label: Label
    why: Label | None = None
    touch: Name | None = None
    note_asked: bool = False
    fields: Annotated[Mapping[Name, Fixed], Field(max_length=50)] = {}
    asks: Annotated[Names, Field(max_length=50)] = ()
    evidence: Annotated[Names, Field(max_length=20)] = ()
    to: Name | None = None
