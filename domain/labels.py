"""Words people read, in both languages."""

from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _clean(text: str) -> str:
    if "\x00" in text:
        raise ValueError("a label cannot hold NUL")
    return text


Text = Annotated[str, Field(min_length=1, max_length=400), AfterValidator(_clean)]


class Label(BaseModel):
    """A text in Chinese and English; both are required, because both kinds of reader use the same playbook."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: Text
    en: Text

    def __str__(self) -> str:
        return self.en

    def in_language(self, language: str) -> str:
        """Return the text in `zh` or `en`; any other language gets English."""
        return self.zh if language == "zh" else self.en


class Saying(NamedTuple):
    """A sentence in Chinese and English, said about something that has a label: each reader is told it in their own language."""

    zh: str
    en: str
