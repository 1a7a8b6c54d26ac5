"""The making of a database cluster, whole or not at all."""

import os
import shutil
from collections.abc import Callable

from infra.embedded.account import make_durable
from infra.embedded.errors import failed
from infra.embedded.locks import FileLock
from infra.embedded.placement import Placement

SUPERUSER = "postgres"
INITDB_SECONDS = 300.0

_HOST_BASED_AUTHENTICATION = """\
# The socket lies in a folder that only the server's own user may enter, so whoever reaches it is trusted.
# TYPE  DATABASE  USER  ADDRESS  METHOD
local   all       all            trust
host    all       all   all      scram-sha-256
"""

CONFIGURATION = """\
# Written anew at every start: put your own settings into postgresql.conf, below the include of this file.
# fsync, synchronous_commit and full_page_writes are what makes an answered command durable.
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = on
shared_buffers = 128MB
max_connections = 100
password_encryption = 'scram-sha-256'
timezone = 'UTC'
log_timezone = 'UTC'
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] %q%u@%d '
"""


def make_cluster(place: Placement, lock: FileLock, report: Callable[[str], None]) -> None:
    """Make the cluster unless it is there; what an interrupted attempt left is thrown away.

    `lock` is the held `server.lock`. Raises `EmbeddedPostgresError` when initdb fails.
    """
    account = place.account
    if (place.data_dir / "PG_VERSION").exists():
        return
    report(f"creating the database cluster in {place.data_dir}")
    half_made = place.data_dir.with_name("data.new")
    if half_made.exists():
        shutil.rmtree(half_made)
    half_made.mkdir(mode=0o700)
    if account.is_another:
        os.chown(half_made, account.uid, account.gid, follow_symlinks=False)
    # initdb carries the lock on: should this process be killed, the next one waits for its end.
    done = account.run(
        [
            place.programs / "initdb", f"--pgdata={half_made}", f"--username={SUPERUSER}",
            "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
            "--data-checksums", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions",
        ],
        hand_over=[lock.fileno()],
        timeout_seconds=INITDB_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        shutil.rmtree(half_made, ignore_errors=True)
        raise failed("PostgreSQL could not create its database cluster", done.stdout, place.folder)
    account.write(half_made / "pg_hba.conf", _HOST_BASED_AUTHENTICATION)
    account.write(half_made / "dealtrail.conf", CONFIGURATION)
    account.write(half_made / "postgresql.conf", "\ninclude 'dealtrail.conf'\n", append=True)
    make_durable(half_made)
    half_made.rename(place.data_dir)
    make_durable(place.data_dir.parent)
