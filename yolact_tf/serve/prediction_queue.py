"""Predictions in threads: as many at once as there are cores, a bounded line behind them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from yolact_tf.cores import usable_cores
from yolact_tf.serve.limits import RequestError

if TYPE_CHECKING:
    from starlette.requests import Request

Result = TypeVar("Result")


class Jobs:
    """Runs functions in threads, in the order of their requests.

    workers: how many at once.  queue: how many more may wait.  `pending` counts both.
    """

    def __init__(self, queue: int, workers: int | None = None):
        from anyio import CapacityLimiter

        # Each prediction already fills every core: more at once would only add memory.
        self.workers = workers or usable_cores()
        self.queue = queue
        self.pending = 0
        self._limiter = CapacityLimiter(self.workers)

    async def run(self, request: "Request", function: Callable[..., Result], *arguments: Any) -> Result:
        """What `function` returns or raises. RequestError 503 where the line is full.

        The function is never called where the client leaves before its turn has come (ClientDisconnect).
        """
        if self.pending >= self.workers + self.queue:
            raise RequestError(503, f"Too many requests at once: {self.queue} are already waiting")
        self.pending += 1
        try:
            return await self._run_unless_left(request, function, arguments)
        finally:
            self.pending -= 1

    async def _run_unless_left(self, request, function, arguments):
        from anyio import create_task_group
        from anyio.to_thread import run_sync
        from starlette.requests import ClientDisconnect

        def outcome():
            # Caught here, since a task group would wrap it in a group of exceptions.
            try:
                return function(*arguments), None
            except Exception as error:
                return None, error

        answer = None
        async with create_task_group() as tasks:
            tasks.start_soon(_cancel_when_left, request, tasks.cancel_scope)
            # Cancelling ends the wait for a thread, not a thread that runs.
            answer = await run_sync(outcome, limiter=self._limiter)
            tasks.cancel_scope.cancel()
        if answer is None:
            raise ClientDisconnect
        result, error = answer
        if error is not None:
            raise error
        return result


async def _cancel_when_left(request, scope):
    """After the body, the only message that a request still gets is that its client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
