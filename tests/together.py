"""Several at once: functions in threads, each with a context, a session and a connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from flask import Flask

Result = TypeVar("Result")


def together(app: Flask, *functions: Callable[[], Result]) -> list[Result]:
    """Starts them at the same moment; their results in order. Raises what the first of them raised."""
    start = threading.Barrier(len(functions), timeout=30)

    def run(function: Callable[[], Any]) -> Any:
        with app.app_context():
            start.wait()
            return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(run, function) for function in functions]]
