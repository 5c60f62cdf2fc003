"""Plain values for the tests of the training reports: curves of a validation, and a whole record."""

from __future__ import annotations

import numpy as np
from virtualbiopsy.training.reports.curves import (
    CalibrationCurve,
    Confusion,
    DecisionCurves,
    Nomogram,
    NomogramAnswer,
    NomogramScale,
    Ranked,
    RocCurve,
    SurvivalCurve,
)
from virtualbiopsy.training.reports.record import (
    CLINICAL,
    COMBINED,
    CROSS_VALIDATION,
    EXTERNAL,
    INTERNAL,
    Compared,
    Data,
    Design,
    Finding,
    Modelling,
    Processing,
    Segmentation,
    Sharing,
    StudyRecord,
    Table,
    Tested,
    Told,
)

HOSTILE = '<script>alert("1")</script>&\''


def simulated_scores(n=160, seed=3):
    """Labels (n,) and probabilities (n,) that are well calibrated."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-0.3, 1.4, n)
    probability = 1 / (1 + np.exp(-log_odds))
    return (rng.random(n) < probability).astype(int), probability


def roc(name="radiomic", shift=0.0, seed=3):
    labels, p = simulated_scores(seed=seed)
    p = p + shift * np.random.default_rng(seed + 1).normal(0, 1, p.size)
    cuts = np.concatenate([[np.inf], np.sort(p)[::-1]])
    tpr = np.array([(p[labels == 1] >= c).mean() for c in cuts])
    fpr = np.array([(p[labels == 0] >= c).mean() for c in cuts])
    auc = float((np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2).sum())
    low, high = np.clip(tpr - 0.1, 0, 1), np.clip(tpr + 0.08, 0, 1)
    return RocCurve(name, fpr, tpr, auc, auc - 0.06, auc + 0.05, low, high)


def calibration(name="cross-validation", labelled=True):
    labels, p = simulated_scores()
    x = np.linspace(0.05, 0.95, 19)
    y = np.clip(x + 0.05 * np.sin(6 * x), 0, 1)
    groups = np.array([[0.1, 0.12, 0.05, 0.22], [0.5, 0.46, 0.35, 0.6], [0.9, 0.88, 0.75, 0.97]])
    return CalibrationCurve(
        name,
        x,
        y,
        p,
        np.clip(y - 0.08, 0, 1),
        np.clip(y + 0.08, 0, 1),
        labels if labelled else None,
        groups,
        0.93,
        -0.04,
        0.031,
        0.171,
    )


def decision(low=0.15, high=0.9):
    labels, p = simulated_scores()
    t = np.linspace(low, high, 76)
    odds = t / (1 - t)

    def benefit(called):
        return np.array(
            [
                ((called(c)) & (labels == 1)).mean() - ((called(c)) & (labels == 0)).mean() * o
                for c, o in zip(t, odds, strict=True)
            ]
        )

    everyone = np.ones(labels.size, dtype=bool)
    return DecisionCurves(
        t,
        benefit(lambda c: everyone),
        {"radiomic": benefit(lambda c: p >= c), "clinical": 0.8 * benefit(lambda c: p**2 >= c)},
    )


def ranking():
    return (
        Ranked("t1c:tumour:original:glcm:joint_entropy:3d_average:fbn32:ibsi", 0.84, 0.51, 1.2, 0.98),
        Ranked("clinical:age", -0.42, -0.8, -0.05, 0.76),
        Ranked("adc:tumour:original:statistics:percentile_10:3d:none:ibsi", -0.63, -0.9, -0.3, 0.9),
        Ranked("mask:tumour:original:morphology:volume:3d:none:ibsi", 0.21, -0.1, 0.5, 0.44),
    )


def confusion():
    return Confusion(("Ki-67 < 5 %", "Ki-67 ≥ 5 %"), np.array([[70.0, 18.0], [12.0, 60.0]]))


def kaplan_meier(name, times, events):
    """Product-limit estimate by hand, with ± 0.1 as its band."""
    distinct = np.unique(times)
    s, survival, at_risk, censored = 1.0, [], [], []
    for t in distinct:
        n, d = int((times >= t).sum()), int(((times == t) & events).sum())
        s *= 1 - d / n
        survival.append(s)
        at_risk.append(n)
        censored.append(int(((times == t) & ~events).sum()))
    survival = np.array(survival)
    return SurvivalCurve(
        name,
        distinct.astype(float),
        survival,
        np.array(at_risk),
        np.array(censored),
        np.clip(survival - 0.1, 0, 1),
        np.clip(survival + 0.1, 0, 1),
    )


def survival():
    rng = np.random.default_rng(1)
    low, high = rng.exponential(60, 40).round() + 1, rng.exponential(20, 35).round() + 1
    return (
        kaplan_meier("low risk", np.minimum(low, 72), low < 72),
        kaplan_meier("high risk", np.minimum(high, 72), high < 72),
    )


def nomogram():
    return Nomogram(
        (
            NomogramScale("clinical:age", (30.0, 50.0, 70.0, 90.0), (0.0, 20.0, 40.0, 60.0)),
            NomogramScale("Radiomic score", (-2.0, -1.0, 0.0, 1.0, 2.0), (0.0, 25.0, 50.0, 75.0, 100.0)),
            NomogramScale("Sex", (0.0, 1.0), (0.0, 12.0), ("female", "male")),
        ),
        (NomogramAnswer("Probability of Ki-67 ≥ 5 %", (20.0, 60.0, 100.0, 140.0), (0.1, 0.3, 0.6, 0.85)),),
    )


def full_record(simulated=True, words=""):
    """A record in which nearly everything is known; `words` is put into the free texts."""
    test = Tested(
        f"repeated cross-validation{words}",
        CROSS_VALIDATION,
        {
            "auc": {"value": 0.81, "low": 0.74, "high": 0.87},
            "brier": {"value": 0.17, "low": 0.15, "high": 0.2},
            "sensitivity": {"value": 0.83, "low": 0.7, "high": 0.9},
            "specificity": {"value": 0.8, "low": 0.7, "high": 0.9},
            "calibration_slope": {"value": 0.93, "low": 0.7, "high": 1.2},
        },
        scheme=f"10 × 5 folds, grouped by patient{words}.",
        cases=160,
        positive=72,
        uncertainty="2000 bootstrap resamples of the cases",
        resampled=True,
        roc=(roc(f"radiomic{words}"), roc("clinical", 0.6)),
        operating=(0.2, 0.83),
        calibration=calibration(f"cross-validation{words}"),
        decision=decision(),
        confusion=confusion(),
        subgroups=Table(("Subgroup", "cases", "AUC"), ((f"female{words}", "98", "0.80"),), (1, 2)),
        faults=(f"fold 3 held one class only{words}",),
    )
    outside = Tested(
        "hospital B", EXTERNAL, {"auc": {"value": 0.71, "low": 0.6, "high": 0.81}}, institutions=1, cases=80
    )
    follow_up = Tested(
        "follow-up",
        INTERNAL,
        {"concordance": {"value": 0.68, "low": 0.6, "high": 0.75}},
        survival=survival(),
        survival_unit="months",
        survival_note=f"Log-rank test: p = 0.01{words}.",
    )
    return StudyRecord(
        Design(
            f"Ki-67 of meningiomas{words}",
            "Ki-67",
            f"Ki-67 ≥ 5 %{words}",
            simulated,
            recipe="M11",
            published="AUC 0.905 internal, 0.591 external.",
            keywords=("radiomics", "meningioma"),
            objective=f"To estimate Ki-67{words}",
            guidelines=("CLEAR", "TRIPOD+AI"),
            nature="retrospective",
            prospective=False,
            eligibility="First resection with an examination before",
            representative=True,
            limits="One centre",
            licence="CC BY 4.0",
        ),
        Data(
            source=f"Simulated meningiomas{words}" if simulated else f"One hospital{words}",
            cases=160,
            patients=160,
            sites=1,
            classes={"Ki-67 < 5 %": 88, f"Ki-67 ≥ 5 %{words}": 72},
            split="10 repeats of 5 folds, seed 7",
            split_level="patient",
            protocol=(f"t1c EchoTime (ms) 2.1 to 4.2{words}",),
            clinical={"clinical:age": "age in years at the examination"},
            standard="Ki-67 labelling index of the resected tumour",
            standard_sound=True,
            interval="at most 30 days",
            missing="2 % of the values; replaced by the mean of the training part",
            provenance=(f"features.csv, SHA-256 ab12{words}",),
        ),
        Segmentation(
            True, "manual", f"whole enhancing tumour{words}", "one reader", "20 perturbed outlines", True
        ),
        Processing(
            True,
            ("N4 bias correction", f"z-score in the head mask{words}"),
            "1 mm isotropic, cubic B-spline",
            "fixed bin number, 32",
            "original",
            "virtualbiopsy 1.0",
            True,
            {"glcm": 25, "statistics": 18},
            43,
            ("t1c", "adc"),
            "All other settings are the defaults of the recipe.",
        ),
        Modelling(
            steps=(
                Told("impute", "Missing values were replaced by the mean of the training part."),
                Told("icc", "9 features with ICC(2,1) below 0.75 were left out."),
                Told("scale", "Values were standardised."),
                Told("lasso", f"LASSO kept 4 of 34 features{words}."),
            ),
            inside_folds=True,
            estimator=f"Logistic regression, L2{words}",
            software="scikit-learn",
            tuning="grid of 5 values in 5 inner folds",
            selection="best mean AUC of the inner folds",
            confounders_checked="The site does not predict the label (AUC 0.51)",
            deep=False,
            tabular=True,
            kept=("t1c:tumour:original:glcm:joint_entropy:3d_average:fbn32:ibsi", "clinical:age"),
            equation={"(intercept)": -0.4, f"clinical:age{words}": -0.42},
            candidates=6,
            events_per_candidate=12.0,
            threshold=0.45,
            threshold_rule="Youden in the inner folds.",
            explanation="Exact Shapley values, placed in the image",
        ),
        (test, outside, follow_up),
        (
            Compared(COMBINED, CLINICAL, "AUC", 0.09, 0.02, 0.16, 0.012, "DeLong"),
            Compared(f"radiomic{words}", "simple", "AUC", 0.01, -0.04, 0.06, 0.7, "DeLong"),
        ),
        (*ranking(), Ranked(f"column{words}", 0.1)),
        nomogram=nomogram(),
        sharing=Sharing(code="https://example.org/code", model="in this file"),
        answers={"rqs:biology": Finding(True, f"Features follow the proliferation gene set{words}")},
        warnings=(f"12 events per candidate predictor{words}",),
        provenance=(f"seed 7{words}",),
    )
