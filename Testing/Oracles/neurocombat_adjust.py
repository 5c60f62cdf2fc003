"""Run by the oracle environment: a warm neuroCombat that answers one JSON request for each line it reads.

    python neurocombat_adjust.py

Request: "values" (n, p), "batch" (n,), "continuous" and "categorical" (columns by name), "options" (eb,
parametric, mean_only, ref_batch), and optionally "new" with "values" and "batch" for neuroCombatFromTraining.
Answer: {"adjusted": (n, p), "new": (m, p) or null}.
"""

from __future__ import annotations

import contextlib
import json
import sys

import numpy as np
import pandas as pd

# neuroCombat 0.2.12 writes np.int, which newer numpy lacks.
vars(np)["int"] = int

from neuroCombat import neuroCombat, neuroCombatFromTraining  # noqa: E402


def answer(request: dict) -> dict:
    covariates = {"batch": request["batch"], **request["continuous"], **request["categorical"]}
    found = neuroCombat(
        dat=np.array(request["values"], dtype=float).T,
        covars=pd.DataFrame(covariates),
        batch_col="batch",
        continuous_cols=list(request["continuous"]),
        categorical_cols=list(request["categorical"]),
        **request["options"],
    )
    new = None
    if "new" in request:
        # It keeps batches by number where it should by name.
        found["estimates"]["batches"] = np.unique(request["batch"])
        rows = np.array(request["new"]["values"], dtype=float).T
        applied = neuroCombatFromTraining(rows, np.array(request["new"]["batch"]), found["estimates"])
        new = applied["data"].T.tolist()
    return {"adjusted": found["data"].T.tolist(), "new": new}


def main() -> None:
    while line := sys.stdin.readline():
        with contextlib.redirect_stdout(sys.stderr):
            found = answer(json.loads(line))
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
