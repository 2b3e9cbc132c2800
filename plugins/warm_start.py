"""Start the process from which tasks are forked with the scheduler, before the first task waits for its imports."""

from __future__ import annotations

import logging
import multiprocessing
from multiprocessing import forkserver
from typing import Any, ClassVar

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

log = logging.getLogger(__name__)


class WarmStart:
    """Listens for components that start; only a scheduler is given `forkserver` (`[scheduler] mp_start_method`)."""

    @hookimpl
    def on_starting(self, component: object) -> None:
        """Start the fork server, which imports what `[scheduler] mp_forkserver_preload` names.

        Tasks, which are its children, start too.
        """
        if multiprocessing.get_start_method(allow_none=True) != "forkserver" or multiprocessing.parent_process():
            return
        try:
            forkserver.ensure_running()
        except OSError as error:
            # The first task starts it.
            log.warning("The fork server did not start: %s", error)


class WarmStartPlugin(AirflowPlugin):
    """Registers the listener."""

    name = "restoration_warm_start"
    # Airflow declares an attribute of instances, but reads it from the class.
    listeners: ClassVar[list[Any]] = [WarmStart()]  # type: ignore[misc]
