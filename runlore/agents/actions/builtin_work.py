"""Let Runlore's own agents do tasks of the queue."""

from runlore.agents.actions.store_worker import TaskHandler
from runlore.agents.builtin.task_kind import BuiltinAgent, BuiltinContext, do_task
from runlore.agents.queries.task_rows import TaskRow
from runlore.kernel import instants
from runlore.language_model import ChatEndpoint
from runlore.store.engine import Store


def task_handler(
    store: Store, agent: BuiltinAgent, endpoint: ChatEndpoint | None, name: str
) -> TaskHandler:
    """name: under which it is installed."""

    def handle(task: TaskRow) -> object:
        context = BuiltinContext(store, name, instants.now(), endpoint)
        return do_task(agent, task.type, task.input, context)

    return handle
