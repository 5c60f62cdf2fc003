"""Commands of the engines: ``virtualbiopsy extract | agreement | certify``."""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import sys
from datetime import UTC, datetime
from pathlib import Path

from .. import RESEARCH_USE_ONLY


def register(commands: argparse._SubParsersAction) -> None:
    """Add the commands to a parser; each calls ``run(options)`` and may return an exit status."""
    extract = commands.add_parser("extract", help="radiomic features of an image and a mask")
    _image_and_mask(extract)
    _what(extract)
    extract.add_argument(
        "--engine", default="virtualbiopsy", help="virtualbiopsy (default) or pyradiomics, where installed"
    )
    extract.add_argument("--out", type=Path, help="file .csv or .json; the screen if left out")
    extract.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    extract.add_argument("--quiet", action="store_true", help="no progress on stderr")
    extract.set_defaults(run=_extract)

    agreement = commands.add_parser(
        "agreement", help="compare our features with pyradiomics', where it is installed"
    )
    _image_and_mask(agreement)
    _what(agreement, profile="pyradiomics", discretisation="fbw25")
    agreement.add_argument("--tolerance", type=float, default=1e-6, help="relative difference (default 1e-6)")
    agreement.add_argument(
        "--python", type=Path, help="a Python that has pyradiomics (or set VIRTUALBIOPSY_PYRADIOMICS)"
    )
    agreement.add_argument(
        "--record",
        action="append",
        default=[],
        type=Path,
        metavar="JSON",
        help="agreement.json of another case to take into the same record (repeatable)",
    )
    agreement.add_argument("--out", type=Path, required=True, help="folder for JSON, CSV and HTML")
    agreement.add_argument("--overwrite", action="store_true", help="replace files that are there")
    agreement.add_argument("--quiet", action="store_true", help="no progress on stderr")
    agreement.set_defaults(run=_agreement)

    certify = commands.add_parser("certify", help="run the IBSI reference tests on this machine")
    certify.add_argument("--out", type=Path, required=True, help="folder for the certificate (HTML and JSON)")
    certify.add_argument("--data", type=Path, help="folder with the IBSI phantoms, for the longer tests")
    certify.add_argument("--overwrite", action="store_true", help="replace files that are there")
    certify.add_argument("--quiet", action="store_true", help="no progress on stderr")
    certify.set_defaults(run=_certify)


def _image_and_mask(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", type=Path, help="image file (NIfTI, NRRD, MetaImage)")
    parser.add_argument("mask", type=Path, help="mask file")
    parser.add_argument("--label", type=int, default=1, help="value of the mask that is the region (1)")


def _what(parser: argparse.ArgumentParser, profile: str = "ibsi", discretisation: str = "fbn32") -> None:
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--features",
        action="append",
        default=[],
        metavar="NAME",
        help="a family (glcm), a feature (glcm:contrast) or a whole key (repeatable)",
    )
    chosen.add_argument("--all", action="store_true", help="all features of the profile (default)")
    parser.add_argument("--profile", choices=("ibsi", "pyradiomics"), default=profile)
    parser.add_argument(
        "--filters",
        action="append",
        default=[],
        metavar="FILTER",
        help="image type: original (default), 'log(sigma=3)', 'wavelet(family=coif1;bands=LLH;level=1)', … "
        "(repeatable)",
    )
    bins = parser.add_mutually_exclusive_group()
    bins.add_argument("--bin-width", type=float, help="fixed bin width, in the unit of the image")
    bins.add_argument("--bins", type=int, help="fixed number of bins")
    parser.add_argument("--aggregation", default="3d_average", help="3d_average (default), 2.5d_merged, …")
    parser.add_argument("--range", type=float, nargs=2, metavar=("LOW", "HIGH"), help="re-segment to a range")
    parser.add_argument("--outlier", type=float, metavar="SD", help="leave out outliers beyond SD")
    parser.add_argument("--spacing", type=float, nargs=3, metavar="MM", help="resample to mm along i, j, k")
    parser.set_defaults(discretisation=discretisation)


def _keys(options: argparse.Namespace) -> list:
    from .selection import ORIGINAL, select_keys

    rule = options.discretisation
    if options.bin_width is not None:
        rule = f"fbw{options.bin_width:.12g}"
    elif options.bins is not None:
        rule = f"fbn{options.bins}"
    low, high = options.range or (-math.inf, math.inf)
    return select_keys(
        options.features or ["all"],
        profile=options.profile,
        filters=options.filters or [ORIGINAL],
        discretisation=rule,
        aggregation=options.aggregation,
        low=low,
        high=high,
        outlier=options.outlier,
    )


def _settings(options: argparse.Namespace):
    from .protocol import ExtractionSettings

    return ExtractionSettings(
        label=options.label, spacing=None if options.spacing is None else tuple(options.spacing)
    )


def _read(options: argparse.Namespace, keys: list) -> tuple[dict, dict]:
    """Image by every sequence and mask by every region that the keys name."""
    from ..case.read import read_image
    from ..radiomics.definitions import MASK
    from ..radiomics.resegment import parse_region

    image, mask = read_image(options.image), read_image(options.mask)
    sequences = {key.sequence for key in keys} - {MASK} or {"image"}
    regions = {parse_region(key.region).name for key in keys}
    return dict.fromkeys(sequences, image), dict.fromkeys(regions, mask)


def _progress(options: argparse.Namespace):
    from ..progress import show, silent

    return silent if options.quiet else show


def _end(options: argparse.Namespace) -> None:
    if not options.quiet:
        print(file=sys.stderr)


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


def _extract(options: argparse.Namespace) -> None:
    from ..errors import VirtualBiopsyError
    from ..report.files import write_files
    from .registry import find_engine

    kind = "csv" if options.out is None else options.out.suffix.lower().lstrip(".")
    if kind not in ("csv", "json"):
        raise VirtualBiopsyError(f"{options.out.name} is neither .csv nor .json.", "Choose one of them.")
    engine = find_engine(options.engine)
    keys = _keys(options)
    images, masks = _read(options, keys)
    found = engine.extract(images, masks, keys, _settings(options), progress=_progress(options))
    text = (_csv if kind == "csv" else _json)(options, engine, keys, found)
    if options.out is None:
        _end(options)
        print(text, end="")
        return
    write_files(options.out.parent, {options.out.name: text}, options.overwrite)
    _end(options)
    print(RESEARCH_USE_ONLY)
    print(f"{len(found.values)} features, {len(found.missing)} missing: {options.out}")


def _steps(options: argparse.Namespace, engine, found) -> list[str]:
    return [
        f"Engine {engine.name} {engine.version}; image {options.image.name}, mask {options.mask.name}, label "
        f"{options.label}.",
        *found.provenance,
    ]


def _csv(options: argparse.Namespace, engine, keys: list, found) -> str:
    from ..radiomics.definitions import definition

    stream = io.StringIO()
    for line in (RESEARCH_USE_ONLY, *_steps(options, engine, found)):
        stream.write(f"# {line}\n")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["key", "feature", "ibsi_code", "pyradiomics_name", "value", "unit", "missing"])
    for key in keys:
        what = definition(key)
        value = found.values.get(str(key))
        writer.writerow(
            [
                str(key),
                what.label,
                what.ibsi_code,
                what.pyradiomics_name or "",
                "" if value is None else repr(value),
                what.unit,
                found.missing.get(str(key), ""),
            ]
        )
    return stream.getvalue()


def _json(options: argparse.Namespace, engine, keys: list, found) -> str:
    from dataclasses import asdict

    from ..radiomics.definitions import definition

    features = {}
    for key in keys:
        what = definition(key)
        features[str(key)] = {
            "value": found.values.get(str(key)),
            "feature": what.label,
            "ibsi_code": what.ibsi_code,
            "pyradiomics_name": what.pyradiomics_name,
            "unit": what.unit,
        }
    content = {
        "research_use_only": RESEARCH_USE_ONLY,
        "engine": {"name": engine.name, "version": engine.version},
        "image": options.image.name,
        "mask": options.mask.name,
        "settings": asdict(_settings(options)),
        "provenance": _steps(options, engine, found),
        "features": features,
        "missing": dict(found.missing),
        "bins": dict(found.bins),
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _agreement(options: argparse.Namespace) -> int:
    from ..errors import EngineError
    from .agreement import DISAGREE, agree, combine, load_agreement
    from .agreement_report import write_agreement
    from .builtin import BuiltinEngine
    from .pyradiomics import PyradiomicsEngine

    other = PyradiomicsEngine(options.python)
    reason = other.availability()
    if reason is not None:
        raise EngineError(reason, "Name a Python that has it with --python.")
    records = [load_agreement(path) for path in options.record]
    keys = _keys(options)
    images, masks = _read(options, keys)
    found = agree(
        images,
        masks,
        keys,
        _settings(options),
        (BuiltinEngine(), other),
        options.tolerance,
        created=_now(),
        case=f"{options.image.name}, {options.mask.name}, label {options.label}",
        progress=_progress(options),
    )
    found = combine([found, *records])
    written = write_agreement(options.out, found, overwrite=options.overwrite)
    _end(options)
    print(RESEARCH_USE_ONLY)
    print(found.sentence())
    for feature in found.features:
        if feature.verdict == DISAGREE:
            print(f"Disagree by {feature.difference:.2g}: {feature.key}")
    for path in written:
        print(path)
    return 1 if found.count(DISAGREE) else 0


def _certify(options: argparse.Namespace) -> int:
    from .certificate import certify
    from .certificate_report import write_certificate

    found = certify(_progress(options), options.data, created=_now())
    written = write_certificate(options.out, found, overwrite=options.overwrite)
    _end(options)
    print(RESEARCH_USE_ONLY)
    print(found.sentence())
    for path in written:
        print(path)
    return 0 if found.passed else 1
