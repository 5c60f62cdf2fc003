"""Run by the oracle environment: what scikit-survival says about one set of cases.

    python sksurv_survival.py < request.json > answer.json

Request: rows (n, p), time (n,), event (n,), new (m, p), min_leaf, alphas, l1_ratio, risk (n,), at.
Answer: tree (m,), mortality of one survival tree that tries every feature; forest (m,), of 100 trees; lasso
(alphas, p), weights of Coxnet without its scaling; brier, of the risks at the time.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from sksurv.ensemble import RandomSurvivalForest
from sksurv.linear_model import CoxnetSurvivalAnalysis
from sksurv.metrics import brier_score
from sksurv.tree import SurvivalTree
from sksurv.util import Surv

asked = json.load(sys.stdin)
rows, new = np.array(asked["rows"]), np.array(asked["new"])
outcome = Surv.from_arrays(np.array(asked["event"], dtype=bool), np.array(asked["time"]))
leaf = {"min_samples_leaf": asked["min_leaf"], "min_samples_split": 2 * asked["min_leaf"], "random_state": 0}
lasso = CoxnetSurvivalAnalysis(alphas=asked["alphas"], l1_ratio=asked["l1_ratio"], tol=1e-12, max_iter=10**6)
free = np.array([[1 - risk] for risk in asked["risk"]])
answer = {
    "tree": SurvivalTree(**leaf).fit(rows, outcome).predict(new).tolist(),
    "forest": RandomSurvivalForest(100, **leaf).fit(rows, outcome).predict(new).tolist(),
    "lasso": lasso.fit(rows, outcome).coef_.T.tolist(),
    "brier": float(brier_score(outcome, outcome, free, [asked["at"]])[1][0]),
}
json.dump(answer, sys.stdout)
