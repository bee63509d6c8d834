"""Let Runlore's own agents work: register them, and do their tasks on the store."""

from collections.abc import Sequence

from runlore.agents.actions.registering import list_agents, register_agent
from runlore.agents.actions.store_worker import StoreAgent, TaskHandler
from runlore.agents.builtin.task_kind import BuiltinAgent, BuiltinContext, do_task
from runlore.agents.queries.registry import AgentFilter, AgentRow
from runlore.agents.queries.task_rows import TaskRow
from runlore.agents.rules.registration import AgentProfile
from runlore.kernel import instants
from runlore.kernel.errors import Refused
from runlore.language_model import ChatEndpoint
from runlore.store.engine import Store

AUTHOR = "Runlore"


def builtin_source(agent: BuiltinAgent) -> str:
    """What `plugin_source` of a registered agent says.

    Example: builtin:trend-analyzer
    """
    return f"builtin:{agent.entry}"


def is_of_runlore(row: AgentRow, agent: BuiltinAgent) -> bool:
    """Whether a registered agent is this one, by this command or from the marketplace."""
    source = (row.plugin_source, row.plugin_author)
    return source in {(builtin_source(agent), AUTHOR), (f"marketplace:{agent.entry}", "runlore")}


def register_builtin(store: Store, agent: BuiltinAgent) -> AgentRow:
    """The registered agent, which may stand already. Raises Refused where another has its name."""
    rows = list_agents(store, AgentFilter(name=agent.name)).agents
    if rows:
        if not is_of_runlore(rows[0], agent):
            raise Refused(
                f"an agent named {agent.name} exists that is not Runlore's own; rename it, or"
                f" remove it: runlore agents remove {rows[0].id}"
            )
        return rows[0]
    return register_agent(
        store,
        AgentProfile(
            agent.name,
            agent.agent_type,
            agent.version,
            capabilities=agent.capabilities,
            specializations=[kind.name for kind in agent.kinds],
            plugin_source=builtin_source(agent),
            plugin_author=AUTHOR,
        ),
    )


def store_agents(
    store: Store, agents: Sequence[BuiltinAgent], endpoint: ChatEndpoint | None
) -> list[StoreAgent]:
    """Registered, and able to work."""
    return [
        StoreAgent(
            register_builtin(store, agent).id,
            [kind.name for kind in agent.kinds],
            task_handler(store, agent, endpoint),
        )
        for agent in agents
    ]


def task_handler(
    store: Store, agent: BuiltinAgent, endpoint: ChatEndpoint | None, name: str | None = None
) -> TaskHandler:
    """name: under which it is installed; None: its own."""

    def handle(task: TaskRow) -> object:
        context = BuiltinContext(store, name or agent.name, instants.now(), endpoint)
        return do_task(agent, task.type, task.input, context)

    return handle
