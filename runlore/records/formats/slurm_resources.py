"""What the jobs of sacct requested, and what they were seen to use."""

import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.formats.delimited import DelimitedRows
from runlore.records.formats.durations import seconds
from runlore.records.formats.instants import numbers
from runlore.records.formats.memory import memory_bytes, memory_per
from runlore.records.formats.slurm_jobs import JobRows

MEGABYTE = 1024.0**2
MINUTE_S = 60.0
EXIT = r"^(?P<code>\d+)(?::(?P<signal>\d+))?$"


def inputs(rows: DelimitedRows) -> dict[str, pa.Array]:
    """What was requested at submission. An amount of 0 means "whatever there is": unknown."""
    cpus = pc.coalesce(_count(rows.column("ReqCPUS")), tres(rows.column("ReqTRES"), "cpu"))
    nodes = pc.coalesce(_count(rows.column("ReqNodes")), tres(rows.column("ReqTRES"), "node"))
    requested = rows.column("ReqMem")
    per = memory_per(requested)
    times = pc.case_when(
        pc.make_struct(pc.equal(per, "c"), pc.equal(per, "n")),
        cpus,  # Unknown: so is the memory of the whole job.
        pc.coalesce(nodes, _count(rows.column("NNodes"))),
        1.0,
    )
    memory = pc.multiply(memory_bytes(requested, MEGABYTE), times)
    limit_s = pc.coalesce(
        seconds(rows.column("TimelimitRaw"), MINUTE_S), seconds(rows.column("Timelimit"), MINUTE_S)
    )
    return {
        "cpus": _positive(cpus),
        "nodes": _positive(nodes),
        "memory_bytes": _positive(
            pc.coalesce(memory, tres(rows.column("ReqTRES"), "mem", MEGABYTE))
        ),
        "gpus": _gpus(rows.column("ReqTRES")),
        "timelimit_s": _positive(limit_s),
        "account": rows.column("Account"),
        "qos": rows.column("QOS"),
        "constraints": rows.column("Constraints"),
        "licenses": rows.column("Licenses"),
        "reservation": rows.column("ReqReservation", "Reservation"),
        "group": rows.column("Group"),
        "wckey": rows.column("WCKey"),
    }


def outcome(jobs: JobRows, words: pa.Array, is_over: pa.Array) -> dict[str, pa.Array]:
    """What was measured, for jobs that are over: a running one shows an exit code of 0:0."""
    rows, steps = jobs.rows, jobs.steps
    exits = pc.extract_regex(rows.column("ExitCode"), EXIT)
    measured = {
        "state": words,
        "exit_code": numbers(pc.struct_field(exits, "code")),
        "signal": _positive(numbers(_filled(pc.struct_field(exits, "signal")))),
        "peak_memory_bytes": jobs.largest(_peak(rows), _peak(steps)),
        "peak_virtual_bytes": jobs.largest(
            memory_bytes(rows.column("MaxVMSize")), memory_bytes(steps.column("MaxVMSize"))
        ),
        "read_bytes": jobs.total(
            memory_bytes(rows.column("MaxDiskRead")), memory_bytes(steps.column("MaxDiskRead"))
        ),
        "written_bytes": jobs.total(
            memory_bytes(rows.column("MaxDiskWrite")), memory_bytes(steps.column("MaxDiskWrite"))
        ),
        "cpu_s": jobs.total(seconds(rows.column("TotalCPU")), seconds(steps.column("TotalCPU"))),
        "processor_s": seconds(rows.column("CPUTimeRAW", "CPUTime")),
        "suspended_s": _positive(seconds(rows.column("Suspended"))),
        "energy_j": _positive(numbers(rows.column("ConsumedEnergyRaw"))),
        **_allocated(rows),
    }
    return {name: pc.if_else(is_over, values, None) for name, values in measured.items()}


def tres(column: pa.Array, name: str, plain_unit: float = 1.0) -> pa.Array:
    """A resource of `billing=4,cpu=4,gres/gpu=1,mem=16G,node=1`; null where it is not named.

    >>> tres(pa.array(["cpu=4,mem=16G,node=1", "node=2", None]), "cpu").to_pylist()
    [4.0, None, None]
    """
    resource = pc.extract_regex(column, rf"(?:^|,){name}=(?P<amount>[^,]+)")
    return memory_bytes(pc.struct_field(resource, "amount"), plain_unit)


def _allocated(rows: DelimitedRows) -> dict[str, pa.Array]:
    held = rows.column("AllocTRES")
    return {
        "allocated_cpus": _positive(
            pc.coalesce(_count(rows.column("AllocCPUS", "NCPUS")), tres(held, "cpu"))
        ),
        "allocated_nodes": _positive(
            pc.coalesce(_count(rows.column("AllocNodes", "NNodes")), tres(held, "node"))
        ),
        "allocated_memory_bytes": _positive(tres(held, "mem", MEGABYTE)),
        "allocated_gpus": _gpus(held),
    }


def _gpus(column: pa.Array) -> pa.Array:
    """All GPUs, or else those of the type that is named: `gres/gpu:a100=2`."""
    return pc.coalesce(tres(column, "gres/gpu"), tres(column, "gres/gpu:[^=,]+"))


def _peak(rows: DelimitedRows) -> pa.Array:
    return pc.coalesce(
        memory_bytes(rows.column("MaxRSS")), tres(rows.column("TRESUsageInMax"), "mem")
    )


def _count(column: pa.Array) -> pa.Array:
    """Counts, which sacct shortens: 1K nodes are 1,024."""
    return memory_bytes(column)


def _positive(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.greater(values, 0.0), values, None)


def _filled(text: pa.Array) -> pa.Array:
    return pc.if_else(pc.greater(pc.binary_length(text), 0), text, None)
