"""The agreement of engines as a page, a table and a record."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from .. import RESEARCH_USE_ONLY
from ..radiomics.definitions import describe
from ..radiomics.keys import FeatureKey
from ..report.files import write_files
from ..report.markup import bullets, facts, paragraph, tag
from .agreement import AGREE, DISAGREE, NONE, SINGLE, VERDICTS, Agreement, FeatureAgreement, agreement_json
from .pages import head, number, page, rows, verdict

NAMES = {"json": "agreement.json", "csv": "agreement.csv", "html": "agreement.html"}


def write_agreement(folder: Path, agreement: Agreement, *, overwrite: bool = False) -> list[Path]:
    """Write agreement.json (the record that training consults), agreement.csv and agreement.html.

    Raises
    ------
    ExistingFileError, UnreadableFileError
    """
    texts = {
        NAMES["json"]: agreement_json(agreement),
        NAMES["csv"]: agreement_csv(agreement),
        NAMES["html"]: agreement_html(agreement),
    }
    return write_files(Path(folder), texts, overwrite)


def agreement_csv(agreement: Agreement) -> str:
    """One row per feature: key, label, value of each engine, difference, tolerance, verdict, reasons."""
    stream = io.StringIO()
    stream.write(f"# {RESEARCH_USE_ONLY}\n# {agreement.sentence()}\n")
    writer = csv.writer(stream, lineterminator="\n")
    names = list(agreement.engines)
    writer.writerow(["key", "feature", *names, "relative_difference", "tolerance", "verdict", "reasons"])
    for feature in agreement.features:
        values = ["" if name not in feature.values else repr(feature.values[name]) for name in names]
        difference = "" if feature.difference is None else f"{feature.difference:.3g}"
        writer.writerow(
            [
                feature.key,
                _label(feature.key),
                *values,
                difference,
                f"{agreement.tolerance:g}",
                feature.verdict,
                _reasons(feature),
            ]
        )
    return stream.getvalue()


def agreement_html(agreement: Agreement) -> str:
    """A complete HTML document, nothing loaded from elsewhere."""
    bad = agreement.count(DISAGREE)
    body = [
        head(agreement.created, agreement.machine),
        verdict(agreement.sentence(), not bad),
        paragraph("Features on which the engines disagree are not used for training models."),
        tag("h2", "What was compared"),
        bullets(agreement.cases) if agreement.cases else "",
        facts([(name, version or "not available") for name, version in agreement.engines.items()]),
        facts((name, _text(value)) for name, value in agreement.settings.items()),
        tag("h2", "By image type"),
        _summary(agreement),
    ]
    for name in (DISAGREE, AGREE, SINGLE, NONE):
        found = [feature for feature in agreement.features if feature.verdict == name]
        if found:
            body += [tag("h2", f"{name.capitalize()} ({len(found)})"), _table(agreement, found)]
    return page("VirtualBiopsy: agreement of engines", body)


def _summary(agreement: Agreement) -> str:
    kinds: dict[str, list[FeatureAgreement]] = {}
    for feature in agreement.features:
        kinds.setdefault(FeatureKey.parse(feature.key).image, []).append(feature)
    lines = []
    for kind, features in kinds.items():
        counts = [sum(feature.verdict == name for feature in features) for name in VERDICTS]
        worst = max((feature.difference or 0.0 for feature in features), default=0.0)
        lines.append((counts[1] == 0, [kind, *map(str, counts), f"{worst:.1e}"]))
    return rows(["image type", *VERDICTS, "largest relative difference"], lines)


def _table(agreement: Agreement, features: list[FeatureAgreement]) -> str:
    names = list(agreement.engines)
    lines = [
        (
            feature.verdict != DISAGREE,
            [
                _label(feature.key),
                *(number(feature.values.get(name)) for name in names),
                "" if feature.difference is None else f"{feature.difference:.1e}",
                feature.key,
                _reasons(feature),
            ],
        )
        for feature in features
    ]
    return rows(["feature", *names, "relative difference", "key", "why not"], lines)


def _label(key: str) -> str:
    return describe(key).label


def _reasons(feature: FeatureAgreement) -> str:
    return "; ".join(f"{name}: {text}" for name, text in feature.reasons.items())


def _text(value: object) -> str:
    if value is None:
        return "no"
    return " × ".join(f"{v:g}" for v in value) if isinstance(value, list | tuple) else str(value)
