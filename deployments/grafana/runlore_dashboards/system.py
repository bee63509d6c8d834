"""What the processes use of the machine, and what waits."""

from runlore_dashboards.declaration import Dashboard, Panel, PanelRow, Query, stat
from runlore_dashboards.promql import INSTANCE, of, product, rate

FREE, SIZE = of("runlore_disk_free_bytes"), of("runlore_disk_size_bytes")
BY_PROCESS = "{{instance}} {{process}}"


def _by_process(expr: str) -> str:
    return f"sum by (instance, process) ({expr})"


NOW = PanelRow(
    "Now",
    (
        stat(
            "Up",
            "Instances that answer Prometheus.",
            f'sum(up{{job="runlore", {INSTANCE}}})',
        ),
        stat(
            "CPU",
            "Cores that all processes of the service use together.",
            f"sum({rate('process_cpu_seconds_total')})",
            "none",
        ),
        stat(
            "Memory",
            "Resident memory of all processes of the service; shared pages count several times.",
            f"sum({of('process_resident_memory_bytes')})",
            "bytes",
        ),
        stat(
            "Disk free",
            "Of the file system with RUNLORE_HOME, the fullest instance.",
            f"min({FREE} / {SIZE})",
            "percentunit",
            base_colour="red",
            thresholds=((0.05, "orange"), (0.15, "green")),
        ),
    ),
)
PROCESSES = PanelRow(
    "Processes",
    (
        Panel(
            "CPU",
            "Cores, by process.",
            (Query(_by_process(rate("process_cpu_seconds_total")), BY_PROCESS),),
            "none",
            low=0,
        ),
        Panel(
            "Memory",
            "Resident memory, by process.",
            (Query(_by_process(of("process_resident_memory_bytes")), BY_PROCESS),),
            "bytes",
            low=0,
        ),
        Panel(
            "Disk traffic",
            "Bytes read from disks and written to them, by process; Linux only.",
            (
                Query(_by_process(rate("process_read_bytes_total")), f"{BY_PROCESS} read"),
                Query(_by_process(rate("process_written_bytes_total")), f"{BY_PROCESS} written"),
            ),
            "Bps",
        ),
        Panel(
            "Open files",
            "File descriptors, by process; connections are among them.",
            (Query(_by_process(of("process_open_fds")), BY_PROCESS),),
            low=0,
        ),
        Panel(
            "Running since",
            "Age of each process; it begins anew when a worker is started again.",
            (
                Query(
                    f"time() - max by (instance, process) ({of('process_start_time_seconds')})",
                    BY_PROCESS,
                ),
            ),
            "s",
        ),
        Panel(
            "Disk free",
            "Of the file system with RUNLORE_HOME.",
            (Query(f"min by (instance) ({FREE})", "{{instance}}"),),
            "bytes",
            low=0,
        ),
    ),
)
WORK = PanelRow(
    "Work that waits",
    (
        Panel(
            "Backlog",
            "Alerts that are to be decided on or sent, and OpenLineage runs to be recorded.",
            (Query(product("runlore_backlog", "queue"), "{{queue}}"),),
            low=0,
        ),
        Panel(
            "Scrapes",
            "How long Prometheus waits for /metrics.",
            (Query(f'scrape_duration_seconds{{job="runlore", {INSTANCE}}}', "{{instance}}"),),
            "s",
            low=0,
        ),
        Panel(
            "Versions",
            "Of Runlore and of Python.",
            (
                Query(
                    f"max by (instance, version, python) ({of('runlore_build_info')})",
                    "{{instance}} Runlore {{version}} Python {{python}}",
                ),
            ),
            look="table",
            width=24,
            height=5,
        ),
    ),
)
SYSTEM = Dashboard(
    "runlore-system",
    "Runlore: system",
    "CPU, memory, disks and queues of the service.",
    (NOW, PROCESSES, WORK),
)
