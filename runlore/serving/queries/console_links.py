"""Which links to the console were used: a link signs in once, in whichever worker."""

from datetime import datetime
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]

USE = """
INSERT INTO runlore.used_console_links (id, expires_at) VALUES (%s, %s)
ON CONFLICT (id) DO NOTHING
"""
FORGET = "DELETE FROM runlore.used_console_links WHERE expires_at < %s"


def use_link(connection: Connection, link_id: str, expires_at: datetime, at: datetime) -> bool:
    """Whether this is the first use of a link; of several at once, one is. Forget those over."""
    with connection.transaction():
        connection.execute(FORGET, (at,))
        return connection.execute(USE, (link_id, expires_at)).rowcount == 1
