"""Words people read, in both languages."""

from pydantic import BaseModel, ConfigDict, Field


class Label(BaseModel):
    """A text in Chinese and English; both are required, because both kinds of reader use the same playbook."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: str = Field(min_length=1, max_length=400)
    en: str = Field(min_length=1, max_length=400)

    def __str__(self) -> str:
        return self.en

    def in_language(self, language: str) -> str:
        """Return the text in `zh` or `en`; any other language gets English."""
        return self.zh if language == "zh" else self.en
