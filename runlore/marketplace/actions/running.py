"""Let installed packages do their tasks: Runlore's own, and WebAssembly components."""

from collections.abc import Collection, Sequence

from runlore.agents.actions.builtin_work import task_handler
from runlore.agents.actions.registering import find_agent
from runlore.agents.actions.store_worker import StoreAgent, TaskHandler
from runlore.agents.builtin.catalogue import BUILTIN_AGENTS, find_builtin
from runlore.agents.queries.task_rows import TaskRow, note_lines
from runlore.agents.sandbox.running import (
    ComponentStopped,
    SandboxLimits,
    SandboxTask,
    run_component,
)
from runlore.kernel.errors import NotFound
from runlore.language_model import ChatEndpoint
from runlore.marketplace.actions.catalog import package_id_of
from runlore.marketplace.actions.installing import (
    LoadedPackage,
    install,
    list_installed,
    load_installed,
)
from runlore.marketplace.queries.installations import InstallationRow
from runlore.store.engine import Store

RUN_HERE = ("builtin", "wasm")  # the others are sent their tasks by the dispatcher


def runnable_agents(
    store: Store, names: Collection[str], endpoint: ChatEndpoint | None
) -> list[tuple[str, StoreAgent]]:
    """By the names of their agents; no names: all that run here. Runlore's own are installed first.

    Raises NotFound for a name that is neither installed nor one of Runlore's own agents, and
    Refused where the stored bytes of a package are not those that were accepted.
    """
    rows = _with_own(store, names)
    loaded = [load_installed(store, row.agent_id) for row in rows]
    return [
        (one.installation.agent_name, _agent(store, one, endpoint))
        for one in loaded
        if one.manifest.form in RUN_HERE
    ]


def _with_own(store: Store, names: Collection[str]) -> Sequence[InstallationRow]:
    """The installations that are meant."""
    rows = list_installed(store)
    installed = {row.agent_name for row in rows} | {row.package for row in rows}
    for agent in BUILTIN_AGENTS:
        is_meant = not names or bool({agent.name, agent.entry} & set(names))
        if is_meant and not {agent.name, agent.entry} & installed:
            rows.append(install(store, package_id_of(store, agent.entry)))
    if not names:
        return rows
    chosen = [row for row in rows if {row.agent_name, row.package} & set(names)]
    known = {name for row in chosen for name in (row.agent_name, row.package)}
    known |= {find_builtin(row.package).name for row in chosen if row.publisher == "runlore"}
    for name in names:
        if name not in known:
            raise NotFound(
                f"{name[:80]!r} is not installed; `runlore marketplace installed` shows what is,"
                " `runlore agents builtin` Runlore's own agents"
            )
    return chosen


def _agent(store: Store, loaded: LoadedPackage, endpoint: ChatEndpoint | None) -> StoreAgent:
    row, manifest = loaded.installation, loaded.manifest
    if manifest.form == "builtin":
        agent = find_builtin(manifest.entry)
        handler = task_handler(store, agent, endpoint, row.agent_name)
        return StoreAgent(row.agent_id, [kind.name for kind in agent.kinds], handler)
    types = [skill.id for skill in manifest.card.skills]
    return StoreAgent(row.agent_id, types, _component_handler(store, row))


def _component_handler(store: Store, row: InstallationRow) -> TaskHandler:
    """Each task loads the accepted bytes anew: an update or a withdrawal holds at once."""

    def handle(task: TaskRow) -> object:
        loaded = load_installed(store, row.agent_id)
        try:
            done = run_component(_sandbox_task(store, loaded, task))
        except ComponentStopped as error:
            note_lines(store, task, _storable(error.log))
            raise
        note_lines(store, task, _storable(done.log))
        return done.output

    return handle


def _sandbox_task(store: Store, loaded: LoadedPackage, task: TaskRow) -> SandboxTask:
    limits = loaded.manifest.wasm_limits
    return SandboxTask(
        loaded.files[loaded.manifest.entry],
        {"task_type": task.type, "task_name": task.name, "input": task.input},
        sorted(loaded.permissions),
        find_agent(store, loaded.installation.agent_id).config,
        SandboxLimits(limits.fuel, limits.memory_bytes, limits.time_ms / 1000, limits.output_bytes),
    )


def _storable(lines: Sequence[str]) -> list[str]:
    return [line.replace("\x00", "") for line in lines]
