"""An embedded PostgreSQL, so that the service needs nothing but Python to keep its log durably."""

from infra.embedded.cluster import EmbeddedPostgres
from infra.embedded.errors import EmbeddedPostgresError
from infra.embedded.keeping import Keeping

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "Keeping"]
