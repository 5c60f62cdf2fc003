"""Run by the oracle environment: neuroCombat on the JSON request on standard input.

    python neurocombat_adjust.py < request.json

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


def main() -> None:
    request = json.load(sys.stdin)
    covariates = {"batch": request["batch"], **request["continuous"], **request["categorical"]}
    with contextlib.redirect_stdout(sys.stderr):
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
            names = np.unique(request["batch"])
            # It keeps batches by number where it should by name.
            found["estimates"]["batches"] = names
            rows = np.array(request["new"]["values"], dtype=float).T
            new = neuroCombatFromTraining(rows, np.array(request["new"]["batch"]), found["estimates"])[
                "data"
            ].T
    print(json.dumps({"adjusted": found["data"].T.tolist(), "new": None if new is None else new.tolist()}))


if __name__ == "__main__":
    main()
