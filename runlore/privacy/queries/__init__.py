"""SQL of privacy."""

from typing import Any

import psycopg

Connection = psycopg.Connection[Any]
