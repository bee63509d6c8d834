"""One task, one owner: a registry of agents, and their work queue on PostgreSQL.

`Worker` is the other side: an agent in a process of yours, which needs the service only.
"""

from runlore.client.worker import GiveUp, PulledTask, Worker

__all__ = ["GiveUp", "PulledTask", "Worker"]
