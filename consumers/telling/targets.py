"""Where messages go: targets as the settings name them. Their addresses and secrets are in no event, no answer and no line of a log."""

import base64
import binascii
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from domain.naming import is_id

SECRET_PREFIX = "whsec_"  # noqa: S105 — how such secrets begin
_LEAST_SECRET_BYTES = 24
_MOST_SECRET_BYTES = 64


class TargetsRefused(ValueError):
    """The setting of targets cannot be used. The message names places and never what stands there."""


def _http(secret: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(secret.get_secret_value())
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise ValueError("an http or https URL is expected")
    return secret


HttpUrl = Annotated[SecretStr, AfterValidator(_http)]
"""A URL that holds a secret itself: the token of a robot stands in it."""


class _Target(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    language: Literal["zh", "en"] = "zh"


class Webhook(_Target):
    """An endpoint that takes signed webhooks. The secret begins with `whsec_`, as Standard Webhooks has it."""

    channel: Literal["webhook"]
    url: HttpUrl
    secret: SecretStr

    @field_validator("secret")
    @classmethod
    def _is_key(cls, secret: SecretStr) -> SecretStr:
        if not _LEAST_SECRET_BYTES <= len(key_of(secret)) <= _MOST_SECRET_BYTES:
            raise ValueError(f"{SECRET_PREFIX} and the base64 of 24 to 64 bytes are expected")
        return secret

    @property
    def key(self) -> bytes:
        """The bytes that sign."""
        return key_of(self.secret)


class Robot(_Target):
    """A robot of a group: DingTalk, WeCom or Feishu. Its URL holds its token; WeCom knows no secret beside it."""

    channel: Literal["dingtalk", "wecom", "feishu"]
    url: HttpUrl
    secret: SecretStr | None = None


class Mailbox(_Target):
    """A mail server, and from whom messages come. Without `to` they go to the person's own address."""

    channel: Literal["email"]
    host: str
    port: int = Field(default=587, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: str
    to: str | None = None
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None

    @field_validator("sender", "to")
    @classmethod
    def _is_address(cls, address: str | None) -> str | None:
        if address is not None and not is_address(address):
            raise ValueError("an e-mail address is expected")
        return address


Target = Annotated[Webhook | Robot | Mailbox, Field(discriminator="channel")]
_TARGETS: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Target])


class Targets:
    """The targets of a service by name; printing them shows names and channels only."""

    def __init__(self, by_name: dict[str, Webhook | Robot | Mailbox] | None = None) -> None:
        self._by_name = by_name or {}

    @classmethod
    def read(cls, text: str | None) -> Self:
        """Read targets: JSON by name, or the path of a file with it. Raises TargetsRefused."""
        if not text or not text.strip():
            return cls()
        if not text.lstrip().startswith("{"):
            try:
                text = Path(text).read_text("utf-8")
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                raise TargetsRefused(f"the file of targets cannot be read: {reason}") from None
        try:
            found = _TARGETS.validate_python(json.loads(text))
        except json.JSONDecodeError as error:
            raise TargetsRefused(
                f"the targets are no JSON: line {error.lineno}, column {error.colno}"
            ) from None
        except ValidationError as error:
            # Neither the input nor the message of a parser may repeat what was read: it holds secrets.
            wrong = "; ".join(
                f"{'.'.join(str(step) for step in problem['loc'])}: {_said(problem['type'], problem['msg'])}"
                for problem in error.errors(include_input=False, include_url=False, include_context=False)
            )
            raise TargetsRefused(f"the targets cannot be used: {wrong}") from None
        # Told by its place: a name that is odd may be an address that was written where the name belongs.
        if odd := [place for place, name in enumerate(found, 1) if not is_id(name)]:
            raise TargetsRefused(f"a target has a name without spaces and slashes, unlike number {odd[0]}")
        return cls(found)

    def get(self, name: str, channel: str) -> Webhook | Robot | Mailbox | None:
        """Return a target by its name, where it is one of that channel."""
        found = self._by_name.get(name)
        return found if found is not None and found.channel == channel else None

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def __repr__(self) -> str:
        return f"Targets({', '.join(f'{name}: {target.channel}' for name, target in sorted(self._by_name.items()))})"


def _said(kind: str, message: str) -> str:
    """What is wrong with one member; of an unknown channel the parser would repeat what was read."""
    return "a channel there is none of" if kind == "union_tag_invalid" else message


def key_of(secret: SecretStr) -> bytes:
    """Return the bytes of a webhook's secret; none for a text that is no secret."""
    text = secret.get_secret_value()
    if not text.startswith(SECRET_PREFIX):
        return b""
    try:
        return base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return b""


def is_address(text: str) -> bool:
    """Tell whether a text can be the address of one mailbox; nothing that would begin another header or name another recipient."""
    local, at, domain = text.rpartition("@")
    odd = set(' \t\r\n,;:<>()[]\\"')
    # An encoded word (RFC 2047) is decoded when a letter is put together, line ends and all.
    plain = text.isprintable() and not odd & set(text) and "=?" not in text
    return bool(at and local and domain) and plain and "@" not in local
