"""The loop of a process that does prepared work again and again; standard library only, for any environment.

Speaks JSON lines on standard input and output: first {"version"}; then for each request

    {"do": "prepare", …} -> {"ready": true}            data are read, nothing is timed
    {"do": "run"}        -> {"seconds", "cpu", "size"}  `size`: number of values that came out
    {"do": "values"}     -> {"values": {name: number}} of the last run
    {"do": "peak"}       -> {"peak": bytes} peak resident memory of this process

and {"error": text} where one fails.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

Work = Callable[[], Mapping[Any, Any]]


def peak() -> int:
    """Peak resident memory of this process in bytes (ru_maxrss would begin with that of the parent)."""
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def serve(
    version: str,
    prepare: Callable[[dict], Work],
    numbers: Callable[[Mapping[Any, Any]], Mapping[Any, Any]] = dict,
) -> None:
    """Answer requests until the input ends.

    `prepare` takes the request and gives the timed call; `numbers` picks its values that are numbers.
    """
    out, sys.stdout = sys.stdout, sys.stderr
    work, values = None, {}

    def say(answer: dict) -> None:
        print(json.dumps(answer), file=out, flush=True)

    say({"version": version})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "prepare":
                work = prepare(request)
                say({"ready": True})
            elif request["do"] == "run":
                wall, cpu = time.perf_counter(), time.process_time()
                values = work()
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                say({"seconds": wall, "cpu": cpu, "size": len(values)})
            elif request["do"] == "values":
                say({"values": {str(name): float(value) for name, value in numbers(values).items()}})
            elif request["do"] == "peak":
                say({"peak": peak()})
        except Exception as error:
            traceback.print_exc()
            say({"error": f"{type(error).__name__}: {error}"})
