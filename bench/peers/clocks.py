"""Who used the processors meanwhile."""

from contextlib import suppress
from dataclasses import dataclass

import psutil
from peers.servers import Running


@dataclass(frozen=True)
class Clocks:
    """CPU seconds used until now: by a server, by its PostgreSQL, by the whole machine."""

    server: float
    postgres: float
    machine: float

    @classmethod
    def read(cls, one: Running) -> "Clocks":
        used = {True: 0.0, False: 0.0}
        for each in one.members():
            with suppress(psutil.Error):
                times = each.cpu_times()
                used[each.name().startswith("postgres")] += times.user + times.system
        whole = psutil.cpu_times()
        return cls(used[False], used[True], sum(whole) - whole.idle - whole.iowait)

    def since(self, before: "Clocks", answers: int, client_s: float) -> dict[str, float]:
        """others_cpu_s: what neither the server nor its client has used."""
        server, postgres = self.server - before.server, self.postgres - before.postgres
        others = self.machine - before.machine - server - postgres - client_s
        told = {"cpu_ms_per_answer": 1e3 * server / max(answers, 1)}
        if postgres:
            told["postgres_cpu_ms_per_answer"] = 1e3 * postgres / max(answers, 1)
        return {k: round(v, 4) for k, v in {**told, "others_cpu_s": max(0.0, others)}.items()}
