"""Figures as self-contained SVG strings: waterfall, ledger, probability bar, overlay legend.

Drawn alike by browsers and by Qt (SVG Tiny 1.2). No scripts, no style sheets, no outside resources; all text
is escaped; each has ``role="img"`` and an ``aria-label`` that says the result in words. Numbers in full
precision are in ``data-`` attributes.
"""

from __future__ import annotations

from collections.abc import Mapping

from .. import RESEARCH_USE_ONLY
from ..explain.model import Contribution, Explanation
from ..models.prediction import Prediction
from ..trust.model import Stability
from . import svg
from .labels import feature_label, role_words
from .numbers import percent, percent_range, signed, value
from .steps import PAD, Step, steps_svg
from .theme import diverging, opacity, theme

MAX_FEATURES = 10
BASELINE_LABEL = "Baseline (average training case)"
SIMULATED = "simulated training data"


def waterfall_svg(
    explanation: Explanation,
    prediction: Prediction,
    *,
    dark: bool = True,
    width: float = 420,
    features: int = MAX_FEATURES,
    simulated: bool = True,
) -> str:
    """Baseline → features by |phi|, the rest folded into one step → log-odds and probability.

    Groups carry ``data-role`` (baseline, feature, folded, total) and ``data-phi`` or ``data-log-odds``;
    baseline + Σ phi = total.
    """
    shown = explanation.contributions
    folded: tuple[Contribution, ...] = ()
    if len(shown) > features + 1:
        shown, folded = shown[:features], shown[features:]
    steps = [_feature_step(c, prediction) for c in shown]
    if folded:
        steps.append(
            Step(
                f"{len(folded)} further features",
                "",
                sum(c.phi for c in folded),
                attributes={"data-role": "folded", "data-count": len(folded)},
            )
        )
    return steps_svg(
        f"What the estimate for {prediction.positive} rests on",
        _subtitle(simulated),
        BASELINE_LABEL,
        explanation.baseline,
        steps,
        "Estimated probability, this case",
        explanation.log_odds,
        prediction.probability,
        _waterfall_words(explanation, prediction),
        width,
        theme(dark),
        explanation.sums_to,
    )


def _feature_step(c: Contribution, prediction: Prediction) -> Step:
    label = feature_label(c.key)
    imputed = c.key in prediction.imputed or c.note == "imputed"
    note = "imputed" if imputed else "outside training range" if c.key in prediction.out_of_range else ""
    return Step(
        label.full,
        value(c.value, label.short_unit),
        c.phi,
        note,
        imputed,
        {"data-role": "feature", "data-key": c.key, "data-value": repr(float(c.value))},
    )


def _waterfall_words(explanation: Explanation, prediction: Prediction) -> str:
    first = [f"{feature_label(c.key).full} {signed(c.phi)}" for c in explanation.contributions[:3]]
    return (
        f"Estimated probability of {prediction.positive}: {percent(prediction.probability)}. "
        f"Log-odds from {signed(explanation.baseline)} (baseline) to {signed(explanation.log_odds)}; "
        f"largest contributions: {', '.join(first) or 'none'}. {RESEARCH_USE_ONLY}."
    )


def _subtitle(simulated: bool) -> str:
    return f"{SIMULATED} · {RESEARCH_USE_ONLY}" if simulated else RESEARCH_USE_ONLY


def ledger_groups(explanation: Explanation) -> dict[str, float]:
    """Sum the contributions: localised ones by sequence ("T1c, in the map"), others by why they are not."""
    groups: dict[str, float] = {}
    for c in explanation.contributions:
        if c.localised:
            name = f"{role_words(c.key.split(':', 1)[0])}, in the map"
        else:
            name = f"{c.note or 'other'}, not in the map"
        groups[name] = groups.get(name, 0.0) + c.phi
    return dict(sorted(groups.items(), key=lambda item: item[0].endswith("not in the map")))


def ledger_svg(
    explanation: Explanation,
    prediction: Prediction,
    *,
    dark: bool = True,
    width: float = 420,
    simulated: bool = True,
) -> str:
    """Baseline → sequences (what the map shows) → what has no place in the image → total."""
    steps = [
        Step(
            name,
            "",
            phi,
            hollow=name.endswith("not in the map"),
            attributes={"data-role": "group", "data-group": name},
        )
        for name, phi in ledger_groups(explanation).items()
    ]
    words = ", ".join(f"{step.label} {signed(step.phi)}" for step in steps) or "no contributions"
    return steps_svg(
        f"Ledger of the map, {prediction.positive}",
        _subtitle(simulated),
        BASELINE_LABEL,
        explanation.baseline,
        steps,
        "Estimated probability, this case",
        explanation.log_odds,
        prediction.probability,
        f"Ledger in log-odds: baseline {signed(explanation.baseline)}, {words}, "
        f"total {signed(explanation.log_odds)}. {RESEARCH_USE_ONLY}.",
        width,
        theme(dark),
        explanation.sums_to,
    )


def probability_svg(
    prediction: Prediction,
    stability: Stability | None = None,
    *,
    dark: bool = True,
    width: float = 420,
    simulated: bool = True,
) -> str:
    """Bar from 0 to 100 % with the estimate, the model's threshold and the range over shifted outlines."""
    look = theme(dark)
    left, right = PAD + 4, width - PAD - 4
    shown = percent(prediction.probability)

    def to_x(p: float) -> float:
        return left + (right - left) * min(max(p, 0.0), 1.0)

    out: list[str] = []
    number_width = svg.text_width(shown, 28) + 6
    y = PAD + 12.0
    for row in svg.wrap(f"Estimated probability of {prediction.positive}", right - left - number_width, 13):
        out.append(svg.text(left, y, row, fill=look.text, size=13, bold=True))
        y += 17
    out.append(svg.text(right, PAD + 22, shown, fill=look.text, size=28, anchor="end", bold=True))
    if simulated:
        out.append(svg.text(left, y, SIMULATED, fill=look.accent, size=12, bold=True))
    y = max(y, PAD + 30) + 30

    bar = 16
    side = "at or above" if prediction.probability >= prediction.threshold else "below"
    name = f"threshold {percent(prediction.threshold)}"
    x = to_x(prediction.threshold)
    half = svg.text_width(name, 11) / 2
    x_name = min(max(x, left + half), right - half)
    out.append(svg.text(x_name, y - 9, name, fill=look.muted, size=11, anchor="middle"))
    out.append(svg.rect(left, y, right - left, bar, look.track, rx=3))
    estimate = to_x(prediction.probability)
    out.append(
        svg.rect(
            left, y, max(estimate - left, 2), bar, look.neutral, rx=3,
            **{"data-role": "estimate", "data-probability": repr(float(prediction.probability))},
        )
    )  # fmt: skip
    out.append(
        svg.line(
            x, y - 6, x, y + bar + 6, look.text, 2,
            **{"stroke-dasharray": "3,2", "data-role": "threshold",
               "data-probability": repr(float(prediction.threshold))},
        )
    )  # fmt: skip
    y += bar
    if stability is not None:
        out.append(_range(to_x(stability.low), to_x(stability.high), y + 9, stability, look))
        y += 14
    for p in (0, 25, 50, 75, 100):
        anchor = {0: "start", 100: "end"}.get(p, "middle")
        out.append(svg.text(to_x(p / 100), y + 16, f"{p} %", fill=look.muted, size=11, anchor=anchor))
    y += 34
    words = [f"The estimate is {side} the model's threshold."]
    if stability is not None:
        words.append(stability_words(stability))
    for sentence in words:
        for row in svg.wrap(sentence, right - left, 12):
            out.append(svg.text(left, y, row, fill=look.text, size=12))
            y += 16
    for row in svg.wrap(RESEARCH_USE_ONLY, right - left, 11):
        out.append(svg.text(left, y, row, fill=look.muted, size=11))
        y += 15
    label = (
        f"Estimated probability of {prediction.positive}: {shown}, {side} the threshold of "
        f"{percent(prediction.threshold)}. {' '.join(words[1:])} "
        f"{'Simulated training data. ' if simulated else ''}{RESEARCH_USE_ONLY}."
    )
    return svg.document(width, y, label, "".join(out), look)


def stability_words(stability: Stability) -> str:
    """Say the stability in one sentence."""
    flips = (
        "none of them changes the side of the threshold"
        if stability.flips == 0
        else f"{stability.flips} of them on the other side of the threshold"
    )
    return (
        f"{percent_range(stability.low, stability.high)} over {stability.variants} similar outlines, {flips}."
    )


def _range(x0: float, x1: float, y: float, stability: Stability, look) -> str:
    x1 = max(x1, x0 + 2)
    parts = [
        svg.line(x0, y, x1, y, look.accent, 3),
        svg.line(x0, y - 5, x0, y + 5, look.accent, 2),
        svg.line(x1, y - 5, x1, y + 5, look.accent, 2),
    ]
    attributes: Mapping[str, object] = {
        "data-role": "stability",
        "data-low": repr(float(stability.low)),
        "data-high": repr(float(stability.high)),
    }
    return svg.element("g", attributes, "".join(parts))


def legend_svg(window: float, *, dark: bool = True, width: float = 300, title: str = "") -> str:
    """Colour bar of the overlay from −window to +window, in log-odds per mL."""
    look = theme(dark)
    left, right = PAD, width - PAD
    out: list[str] = []
    y = PAD + 8.0
    for row in svg.wrap(title or "log-odds contribution per mL", right - left, 12):
        out.append(svg.text(left, y, row, fill=look.text, size=12, bold=True))
        y += 15
    count = 48
    out.append(svg.rect(left, y - 4, right - left, 12, "#808080"))
    step = (right - left) / count
    for i in range(count):
        t = 2 * (i + 0.5) / count - 1
        r, g, b = (round(255 * c) for c in diverging(t))
        out.append(
            svg.rect(
                left + i * step, y - 4, step, 12, f"#{r:02x}{g:02x}{b:02x}",
                **{"fill-opacity": float(opacity(t))},
            )
        )  # fmt: skip
    y += 22
    limit = value(window)
    out.append(svg.text(left, y, f"−{limit} lowers", fill=look.text, size=11))
    out.append(svg.text((left + right) / 2, y, "0", fill=look.text, size=11, anchor="middle"))
    out.append(svg.text(right, y, f"raises +{limit}", fill=look.text, size=11, anchor="end"))
    y += 16
    out.append(svg.text(left, y, "explains the model, not the biology", fill=look.muted, size=11))
    label = f"Colour bar: blue lowers, red raises, from −{limit} to +{limit} log-odds per mL."
    return svg.document(width, y + 8, label, "".join(out), look)
