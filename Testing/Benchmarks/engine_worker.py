"""A warm process of our engine that does one prepared piece of work again and again.

    python engine_worker.py

Speaks as pyradiomics_worker.py does; {"do": "prepare", "row": name, …} is answered by ``prepare`` of
rows/<name>.py, which returns what a run does. The environment variable VIRTUALBIOPSY_KERNELS chooses the
kernels, so numpy's and the compiled ones run in processes of their own.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "VirtualBiopsyCore"), str(Path(__file__).resolve().parent)]


def kernels() -> str:
    """Name of the kernels in use, after they are ready: "plain" or "compiled"."""
    from virtualbiopsy.radiomics.kernels import choose

    choose.wait_until_compiled()
    return "plain" if choose.active() is choose.plain else "compiled"


def peak() -> int:
    """Peak resident memory of this process in bytes (ru_maxrss would begin with that of the parent)."""
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    out, sys.stdout = sys.stdout, sys.stderr
    work, values = None, {}

    def say(answer: dict) -> None:
        print(json.dumps(answer), file=out, flush=True)

    say({"version": kernels()})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "prepare":
                work = importlib.import_module(f"rows.{request['row']}").prepare(request)
                kernels()
                say({"ready": True})
            elif request["do"] == "run":
                wall, cpu = time.perf_counter(), time.process_time()
                values = work()
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                say({"seconds": wall, "cpu": cpu, "size": len(values)})
            elif request["do"] == "values":
                say({"values": {str(key): float(value) for key, value in values.items()}})
            elif request["do"] == "peak":
                say({"peak": peak()})
        except Exception as error:
            traceback.print_exc()
            say({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
