"""Keeps the components of Airflow running: one that ends by itself is started again.

Started by `make up`, ended by `make down`. It can be killed too: the components go on, and the next `make up` starts
another one. Containers need none: their engine does the same.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from contextlib import suppress
from typing import Any

import components

LOOK_EVERY = 1.0
# A component that lived for so long was healthy; one that ends sooner is started again later and later.
HEALTHY_AFTER = 60.0
LONGEST_PAUSE = 60.0

log = logging.getLogger("keeper")


class Keeper:
    """Watches the components that the state file names.

    Attributes:
        ending: set by a signal; what is being started is still written down.
    """

    def __init__(self) -> None:
        self.ending = False
        self.began = dict.fromkeys(components.COMPONENTS, 0.0)
        self.pauses = dict.fromkeys(components.COMPONENTS, 0.0)
        self.due: dict[str, float] = {}

    def run(self) -> None:
        """Return when it is told to end, or the components were stopped."""
        while not self.ending and (state := components.state()):
            for place, name in enumerate(components.COMPONENTS):
                if components.find(*state["processes"][place]) is None and not self.ending:
                    self.bring_back(name, place, state)
            # Nobody else clears away what has ended. To ignore SIGCHLD would be handed down, and a scheduler that was
            # started so would never learn how its tasks have ended.
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            time.sleep(LOOK_EVERY)

    def bring_back(self, name: str, place: int, state: dict[str, Any]) -> None:
        """Start a component again, once its pause is over, and write down its new process."""
        moment = time.monotonic()
        if name not in self.due:
            quick = moment - self.began[name] < HEALTHY_AFTER and self.began[name] > 0
            self.pauses[name] = min(max(1.0, 2 * self.pauses[name]), LONGEST_PAUSE) if quick else 0.0
            self.due[name] = moment + self.pauses[name]
            log.warning("%s has ended; it is started again in %.0f s", name, self.pauses[name])
        if moment < self.due[name]:
            return
        # What is left of it would hold its port, or work on tasks that another one starts again.
        components.end_session(state["processes"][place][0])
        state["processes"][place] = components.started(name, components.environment(state["port"]))
        components.save(state)
        self.began[name] = time.monotonic()
        del self.due[name]


def main() -> None:
    """Keep the components running until a signal comes."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    keeper = Keeper()

    def end(*_: object) -> None:
        keeper.ending = True

    signal.signal(signal.SIGTERM, end)
    keeper.run()


if __name__ == "__main__":
    main()
