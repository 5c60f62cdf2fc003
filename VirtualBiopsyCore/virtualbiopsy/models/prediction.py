"""What a model says about one case."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClassProbability:
    """One of several classes and its estimated probability."""

    name: str
    probability: float


@dataclass(frozen=True)
class SurvivalAnswer:
    """What a survival model says besides the probability of the event by its horizon.

    Attributes
    ----------
    event, horizon, unit : for example "death", 24.0, "months".
    score : log hazard ratio (Cox) or logarithm of the mortality (forest).
    group, groups : name of the risk group, and of all from low to high; "" and () without groups.
    times, free : estimated probability to be free of the event from each time on; () without a baseline.
    """

    event: str
    horizon: float
    unit: str
    score: float
    group: str = ""
    times: tuple[float, ...] = ()
    free: tuple[float, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """The answer of one model for one case.

    Attributes
    ----------
    model_id, endpoint, positive : e.g. "ki67-demo", "Ki-67", "Ki-67 ≥ 5 %".
    log_odds : after calibration, natural logarithm.
    baseline : mean log-odds over the background rows of the model.
    probability : 1 / (1 + exp(-log_odds)), the estimated probability of `positive`.
    threshold : probability at or above which the model's card speaks of "high".
    imputed : feature keys that this case lacks and that were replaced as the model's card states.
    out_of_range : feature keys whose value lies outside the range seen in training.
    classes : of a model with more than two classes (ordered ones from the lowest to the highest); their
        probabilities add up to 1, and those of the classes in `positive` to `probability`. Empty for two.
    classes_note : which of the classes the log-odds and their explanation are about; "" without.
    survival : of a survival model, its curve and risk group; None for others.
    """

    model_id: str
    endpoint: str
    positive: str
    log_odds: float
    baseline: float
    probability: float
    threshold: float
    imputed: tuple[str, ...] = ()
    out_of_range: tuple[str, ...] = ()
    classes: tuple[ClassProbability, ...] = ()
    classes_note: str = ""
    survival: SurvivalAnswer | None = None
