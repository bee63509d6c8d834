"""The environment variables by which libpq would lead connections astray."""

from collections.abc import MutableMapping

# Of addresses, sessions and what a server must offer. Those that only name a user, a password or
# certificates do no harm to a local socket, and may be meant for another server.
VARIABLES = (
    *("PGSERVICE", "PGSERVICEFILE", "PGSYSCONFDIR", "PGHOST", "PGHOSTADDR", "PGPORT"),
    *("PGDATABASE", "PGOPTIONS", "PGAPPNAME", "PGCONNECT_TIMEOUT", "PGTARGETSESSIONATTRS"),
    *("PGLOADBALANCEHOSTS", "PGREQUIREAUTH", "PGREQUIREPEER", "PGCHANNELBINDING", "PGGSSENCMODE"),
    *("PGREQUIRESSL", "PGSSLMODE", "PGSSLNEGOTIATION", "PGCLIENTENCODING", "PGDATESTYLE"),
    *("PGTZ", "PGGEQO", "PGMINPROTOCOLVERSION", "PGMAXPROTOCOLVERSION"),
)


def forget(environment: MutableMapping[str, str]) -> None:
    """Remove them: connections to the embedded server, also those of child processes, are its own.

    >>> environment = {"PGSERVICE": "billing", "PGPASSWORD": "secret"}
    >>> forget(environment)
    >>> environment
    {'PGPASSWORD': 'secret'}
    """
    for name in VARIABLES:
        environment.pop(name, None)
