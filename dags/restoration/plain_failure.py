"""End a task whose error is a person's to fix with one plain line in its log, and no traceback."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from airflow.sdk.exceptions import AirflowFailException

from pipeline.errors import RestorationError
from pipeline.escape import error_line

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
log = logging.getLogger(__name__)


class PlainFailure(SystemExit):
    """Ends a task: the only way that Airflow logs without a traceback.

    Attributes:
        error: what ended it; decides whether it is retried.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(1)
        self.error = error


def plain(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return a task's function that logs an error with a message for people as one line.

    Other errors are faults of the program, and keep their traceback.
    """

    @functools.wraps(function)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except (RestorationError, AirflowFailException) as error:
            log.error("%s", error_line(error))
            raise PlainFailure(error) from error

    return run


def cause(exception: BaseException) -> BaseException:
    """Return the error that ended a task."""
    return exception.error if isinstance(exception, PlainFailure) else exception
