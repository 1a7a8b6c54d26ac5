"""Settings, from the environment (prefix `DEALTRAIL_`) or an `.env` file."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the log is and whose it is.

    Every setting has a default that suits a first try: an embedded PostgreSQL in `.dealtrail/`, one tenant named `main`.
    """

    model_config = SettingsConfigDict(
        env_prefix="DEALTRAIL_", env_file=".env", extra="ignore", populate_by_name=True
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
