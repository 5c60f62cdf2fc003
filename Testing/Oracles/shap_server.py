"""Run by the oracle environment: a warm shap that answers one JSON request for each line it reads.

    python shap_server.py

Request: {"method": name, "row": (p,), "background": (n, p), …}. Methods and what else they take:

exact, partition, coalition : the game is asked for. The server writes {"rows": (r, p)} and reads
    {"scores": (r,)}, as often as it needs. "partition" takes "clustering" (p − 1, 4), as scipy's linkage;
    "coalition" takes "tree", groups within groups down to lists of feature numbers as text; no name twice.
linear : "coef" (p,) and "intercept".
tree : "trees", each with children_left, children_right (−1 at leaves), features, thresholds, values.

Answer: {"phi": (p,)} or {"error": text}. The first line that it writes is {"version": …}.
"""

from __future__ import annotations

import json
import logging
import sys

import numpy as np
import shap

ALL = 10**7


def write(content: dict) -> None:
    print(json.dumps(content), file=OUT, flush=True)


def scores(rows: np.ndarray) -> np.ndarray:
    write({"rows": np.asarray(rows, dtype=float).tolist()})
    return np.array(json.loads(sys.stdin.readline())["scores"])


def exact(row: np.ndarray, background: np.ndarray) -> np.ndarray:
    masker = shap.maskers.Independent(background, max_samples=ALL)
    return shap.explainers.Exact(scores, masker)(row[None], max_evals=ALL).values[0]


def partition(row: np.ndarray, background: np.ndarray, clustering: list) -> np.ndarray:
    masker = shap.maskers.Partition(background, max_samples=ALL, clustering=np.array(clustering, dtype=float))
    explainer = shap.explainers.Partition(scores, masker)
    return explainer(row[None], max_evals=ALL, fixed_context=None, batch_size=64, silent=True).values[0]


def coalition(row: np.ndarray, background: np.ndarray, tree: dict) -> np.ndarray:
    any_clustering = shap.utils.hclust(background)
    masker = shap.maskers.Partition(background, max_samples=ALL, clustering=any_clustering)
    masker.feature_names = [str(j) for j in range(len(row))]
    return shap.CoalitionExplainer(scores, masker, partition_tree=tree)(row[None]).values[0]


def linear(row: np.ndarray, background: np.ndarray, coef: list, intercept: float) -> np.ndarray:
    masker = shap.maskers.Independent(background, max_samples=ALL)
    return shap.explainers.Linear((np.array(coef), intercept), masker)(row[None]).values[0]


def tree(row: np.ndarray, background: np.ndarray, trees: list) -> np.ndarray:
    model = {"trees": [_tree(one) for one in trees], "internal_dtype": np.float64, "input_dtype": np.float64}
    explainer = shap.TreeExplainer(model, data=background, feature_perturbation="interventional")
    return np.asarray(explainer.shap_values(row[None], check_additivity=False)).reshape(len(row))


def _tree(one: dict) -> dict:
    left, right = np.array(one["children_left"]), np.array(one["children_right"])
    return {
        "children_left": left,
        "children_right": right,
        "children_default": left,
        "features": np.array(one["features"]),
        "thresholds": np.array(one["thresholds"], dtype=float),
        "values": np.array(one["values"], dtype=float)[:, None],
        "node_sample_weight": np.ones(len(left)),
    }


METHODS = {"exact": exact, "partition": partition, "coalition": coalition, "linear": linear, "tree": tree}


def main() -> None:
    logging.disable(logging.CRITICAL)
    write({"version": shap.__version__})
    while line := sys.stdin.readline():
        wanted = json.loads(line)
        method = METHODS[wanted.pop("method")]
        arrays = {name: np.array(wanted.pop(name), dtype=float) for name in ("row", "background")}
        try:
            write({"phi": np.asarray(method(**arrays, **wanted), dtype=float).tolist()})
        except Exception as error:
            write({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    OUT, sys.stdout = sys.stdout, sys.stderr
    main()
