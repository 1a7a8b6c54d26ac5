"""What a message says, in the language of its target: what happened, to which record, and where to look. Nothing personal leaves the service."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from consumers.telling.words import REASONS, happened

Language: TypeAlias = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class About:
    """The record a message is about: what its kind is called, what it is called itself where that is nothing personal, and where it is."""

    kind: Mapping[str, str]
    title: str
    path: str


@dataclass(frozen=True, slots=True)
class Message:
    """One notification on its way out. `id` is that of the notification: whoever gets a message twice knows by it."""

    id: str
    person: str
    position: int
    topic: str
    reason: str
    at: datetime
    record: str | None = None
    about: About | None = None
    url: str | None = None
    said: Mapping[str, str] | None = None
    """What the playbook has people told, in both languages, where it is that."""
    concerns: Mapping[str, Any] | None = None
    """Which deadline, work, approval or reaction it is about, without a word that somebody wrote."""

    def title(self, language: Language) -> str:
        """One line: what happened to which record."""
        said = happened(self.topic, self.concerns, language) if self.said is None else self.said[language]
        if self.about is None:
            return said
        colon = "\uff1a" if language == "zh" else ": "
        return f"{said}{colon}{self.about.kind[language]} {self.about.title}"

    def why(self, language: Language) -> str:
        """Why the person is told."""
        return REASONS[self.reason][language]

    @property
    def link(self) -> str | None:
        """Where to look; None where nobody said where the service is."""
        if self.url is None:
            return None
        base = self.url.rstrip("/")
        return base if self.about is None else f"{base}/{self.about.path}"


def markdown(message: Message, language: Language) -> str:
    """Return a message as the little Markdown all robots understand; what stands in it cannot become markup."""
    lines = [f"**{escaped(message.title(language))}**", escaped(message.why(language))]
    if message.link is not None:
        opened = "打开" if language == "zh" else "Open"
        lines.append(f"[{opened}]({message.link.replace('(', '%28').replace(')', '%29')})")
    lines.append(f"`{message.id}`")
    return "\n\n".join(lines)


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line. A character robots give a meaning of their own, such as `@` or `<`, is widened."""
    wide = str.maketrans("<>@[]*#~`", "\uff1c\uff1e\uff20\uff3b\uff3d\uff0a\uff03\uff5e'")
    return " ".join(text.split()).translate(wide)


def cut(text: str, most_bytes: int) -> str:
    """Return the beginning of a text that fits into so many bytes of UTF-8, cut between characters."""
    encoded = text.encode()
    if len(encoded) <= most_bytes:
        return text
    return encoded[: most_bytes - 3].decode(errors="ignore") + "…"
