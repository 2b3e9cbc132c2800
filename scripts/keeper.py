"""Restart components of Airflow that end by themselves.

Started by `make up`, stopped by `make down`. When the keeper itself is killed, the components continue, and the next
`make up` starts another keeper. Containers need none: their engine restarts them.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from contextlib import suppress
from typing import Any

import components

CHECK_SECONDS = 1.0
# A component that ran for so long was healthy; one that ends sooner is restarted after growing pauses.
HEALTHY_AFTER_SECONDS = 60.0
MAX_PAUSE_SECONDS = 60.0

log = logging.getLogger("keeper")


class Keeper:
    """Watches the components that the state file names.

    Attributes:
        stopping: set by a signal; a component that is just being started is still recorded.
    """

    def __init__(self) -> None:
        self.stopping = False
        self.started = dict.fromkeys(components.COMPONENTS, 0.0)
        self.pauses = dict.fromkeys(components.COMPONENTS, 0.0)
        self.due: dict[str, float] = {}

    def run(self) -> None:
        """Return when a signal asked to stop, or when the components were stopped."""
        while not self.stopping and (state := components.load_state()):
            for number, name in enumerate(components.COMPONENTS):
                if components.find_process(*state["processes"][number]) is None and not self.stopping:
                    self.restart(name, number, state)
            # Reap ended children. Ignoring SIGCHLD instead would be inherited, and a scheduler started so would never
            # learn how its tasks have ended.
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            time.sleep(CHECK_SECONDS)

    def restart(self, name: str, number: int, state: dict[str, Any]) -> None:
        """Start a component again once its pause is over, and record its new process."""
        now = time.monotonic()
        if name not in self.due:
            quick = now - self.started[name] < HEALTHY_AFTER_SECONDS and self.started[name] > 0
            self.pauses[name] = min(max(1.0, 2 * self.pauses[name]), MAX_PAUSE_SECONDS) if quick else 0.0
            self.due[name] = now + self.pauses[name]
            log.warning("%s has ended; it is restarted in %.0f s", name, self.pauses[name])
        if now < self.due[name]:
            return
        # What is left of it would hold its port, or work on tasks that the new one starts again.
        components.kill_session(state["processes"][number][0])
        state["processes"][number] = components.start_process(name, components.environment(state["port"]))
        components.save_state(state)
        self.started[name] = time.monotonic()
        del self.due[name]


def main() -> None:
    """Keep the components running until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    keeper = Keeper()

    def stop(*_: object) -> None:
        keeper.stopping = True

    signal.signal(signal.SIGTERM, stop)
    keeper.run()


if __name__ == "__main__":
    main()
