"""Settings, from the environment (prefix `DEALTRAIL_`) or an `.env` file."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""What this machine is called where nobody else is meant."""


class Settings(BaseSettings):
    """Where the log is and whose it is.

    Every setting has a default that suits a first try: an embedded PostgreSQL in `.dealtrail/`, one tenant named `main`.
    """

    model_config = SettingsConfigDict(
        env_prefix="DEALTRAIL_",
        env_file=".env",
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    home: Path = Field(
        default=Path(".dealtrail"),
        description="Folder of the embedded PostgreSQL; unused when DATABASE_URL is set.",
    )
    database_url: str | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="URL of a PostgreSQL 15+ database made by `dealtrail db init`, as the application role. Without it an embedded one is used.",
        repr=False,
    )
    tenant: str = Field(
        default="main",
        pattern=r"^[a-z][a-z0-9_]{0,30}$",
        description="Whose log it is; each tenant of the embedded PostgreSQL has a database of its own.",
    )
    pool_size: int = Field(
        default=5, ge=1, le=100, description="How many database connections a process keeps."
    )
    pool_overflow: int = Field(
        default=10,
        ge=0,
        le=100,
        description="How many more connections a process opens while all are in use; one that is idle for half a minute is closed again. All processes together must fit into max_connections of the server.",
    )

    evidence_url: str | None = Field(
        default=None,
        description="Where files of evidence are kept: file:///…, s3://…, gs://… or az://…. Without it, a folder beside the embedded PostgreSQL.",
    )
    ledger_url: str | None = Field(
        default=None,
        description="Where the ledger is kept: file:///…, s3://…, gs://… or az://…. Without it, a folder beside the embedded PostgreSQL.",
    )
    replays_url: str | None = Field(
        default=None,
        description="Where results of replays are kept: file:///…, s3://…, gs://… or az://…. Without it, a folder beside the embedded PostgreSQL.",
    )
    ledger_seconds: float = Field(
        default=300.0,
        ge=0,
        description="How many seconds a few new events wait until a serving process writes them to the ledger; many are written at once. 0: it is left to `dealtrail ledger update`.",
    )
    deadline_workers: int = Field(
        default=1,
        ge=0,
        le=16,
        description="How many threads of a serving process notice deadlines that are due. 0: it is left to `dealtrail deadlines run`.",
    )
    targets: SecretStr | None = Field(
        default=None,
        description="Where messages may be sent, by name, as JSON or the path of a file with it: webhooks, robots, mail servers, each with its language. Holds secrets, which are never shown.",
        repr=False,
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/]+[^\s]*$",
        description="Where people reach this service; messages link to it. Without it they have no links.",
    )
    delivery_workers: int = Field(
        default=1,
        ge=0,
        le=16,
        description="How many threads of a serving process send messages. 0: it is left to `dealtrail deliveries run`.",
    )
    delivery_attempts: int = Field(
        default=12,
        ge=1,
        le=100,
        description="How often a message is tried before it is a dead letter; twelve attempts take about a day.",
    )
    token_issuer: str | None = Field(
        default=None,
        min_length=1,
        description="Who signs the tokens that are accepted, as their claim `iss` says. Needed with any key of its own.",
    )
    token_audience: str = Field(
        default="dealtrail", min_length=1, description="Whom tokens are meant for, as their claim `aud` says."
    )
    token_keys: dict[str, str] = Field(
        default={},
        description="Public keys of the issuer by key id, as JSON: each the path of a PEM file or the PEM itself (Ed25519, RSA, P-256).",
    )
    token_jwks: str | None = Field(
        default=None,
        description="Where the issuer publishes its keys as a JWKS: an https URL, or a file. Fetched again when a token names an unknown key.",
    )
    token_jwks_seconds: int = Field(
        default=60,
        ge=1,
        le=3_600,
        description="How many seconds pass at least between two fetches of the JWKS.",
    )
    token_secret: SecretStr | None = Field(
        default=None,
        description="A secret of at least 32 bytes shared with an issuer on the same host (HS256). Prefer public keys.",
        repr=False,
    )
    token_leeway_seconds: int = Field(
        default=30, ge=0, le=300, description="How far the issuer's clock may be off."
    )
    max_body_bytes: int = Field(
        default=1_048_576, ge=1_024, le=1_048_576, description="The largest body of a command."
    )
    max_bulk_bytes: int = Field(
        default=52_428_800,
        ge=1_024,
        description="The largest body of a bulk request; it is taken in whole before its first line is carried out.",
    )
    max_evidence_bytes: int = Field(default=52_428_800, ge=1_024, description="The largest file of evidence.")
    body_seconds: float = Field(
        default=20.0,
        gt=0,
        description="How many seconds a body may take to arrive; for files and bulk requests, each mebibyte of it.",
    )
    header_seconds: float = Field(
        default=10.0, gt=0, description="How many seconds the headers of a request may take to arrive."
    )
    commands_per_second_per_client: float = Field(
        default=200.0, gt=0, description="How many commands a second a client may send in the long run."
    )
    command_burst_per_client: int = Field(
        default=400, ge=1, description="How many commands a client that was silent may send at once."
    )
    commands_in_flight: int = Field(
        default=64,
        ge=1,
        description="How many commands may be under way at once; further ones are answered 503.",
    )
    reads_in_flight: int = Field(
        default=32,
        ge=1,
        description="How many reads may be under way at once; further ones are answered 503.",
    )
    max_events_behind: int = Field(
        default=10_000,
        ge=0,
        description="How far read models may be behind the log before `/readyz` says so with 503.",
    )
