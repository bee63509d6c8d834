"""Who used the processors meanwhile."""

from contextlib import suppress
from dataclasses import dataclass

import psutil
from peers.servers import Running


@dataclass(frozen=True)
class Clocks:
    """CPU seconds until now: used by a server, by its PostgreSQL, by the whole machine; all that
    there were; those that the host took for others."""

    server: float
    postgres: float
    machine: float
    all: float
    stolen: float

    @classmethod
    def read(cls, one: Running) -> "Clocks":
        used = {True: 0.0, False: 0.0}
        for each in one.members():
            with suppress(psutil.Error):
                times = each.cpu_times()
                used[each.name().startswith("postgres")] += times.user + times.system
        whole = psutil.cpu_times()
        everything, stolen = sum(whole), getattr(whole, "steal", 0.0)
        busy = everything - stolen - whole.idle - whole.iowait
        return cls(used[False], used[True], busy, everything, stolen)

    def since(self, before: "Clocks", answers: int, client_s: float) -> dict[str, float]:
        """others_cpu_s: what neither the server nor its client has used.

        stolen_percent: of the processors' time, what the host gave to other machines.
        """
        server, postgres = self.server - before.server, self.postgres - before.postgres
        others = self.machine - before.machine - server - postgres - client_s
        told = {"cpu_ms_per_answer": 1e3 * server / max(answers, 1)}
        if postgres:
            told["postgres_cpu_ms_per_answer"] = 1e3 * postgres / max(answers, 1)
        told["others_cpu_s"] = max(0.0, others)
        told["stolen_percent"] = 100 * (self.stolen - before.stolen) / (self.all - before.all)
        return {k: round(v, 4) for k, v in told.items()}
