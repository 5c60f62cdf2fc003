"""The command line: ``virtualbiopsy predict | inspect | simulate | train | models | recipes``, …"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import RESEARCH_USE_ONLY, __version__
from . import cohort_command as cohorts
from . import dynamic_command as dynamic
from . import models_command as models
from . import recalibrate_command as recalibration
from . import recipes_command as recipes
from . import simulate_command as simulate
from . import train_command as training
from .engines import commands as engines
from .errors import VirtualBiopsyError
from .progress import show, silent
from .radiomics.maps import command as maps
from .tasks import MENINGIOMA, TASKS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its status, 0 unless it says otherwise, or 2 after a
    :class:`VirtualBiopsyError`, or what the system said about a file, that was printed to stderr."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except VirtualBiopsyError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # a full disk, a folder that may not be written
        place = f"{error.filename}: " if error.filename else ""
        print(f"{type(error).__name__}: {place}{error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="virtualbiopsy",
        description="Estimated probability of molecular tumour markers from MR images, and what the "
        f"estimate rests on. {RESEARCH_USE_ONLY}.",
    )
    parser.add_argument("--version", action="version", version=f"virtualbiopsy {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    predict = commands.add_parser("predict", help="predict on one case and write result, map and report")
    predict.add_argument("case", type=Path, nargs="+", help="case folder, DICOM folder, or image files")
    predict.add_argument("--region", type=Path, help="mask file; the case's own mask if left out")
    predict.add_argument(
        "--model",
        action="append",
        default=[],
        help=".radmodel file, or id of a bundled or installed model (repeatable)",
    )
    predict.add_argument(
        "--role", action="append", default=[], metavar="NAME=ROLE", help="overrule the guessed role"
    )
    predict.add_argument(
        "--clinical", action="append", default=[], metavar="NAME=VALUE", help="clinical variable"
    )
    predict.add_argument("--task", choices=tuple(TASKS), help="what the case is for; guessed if left out")
    predict.add_argument(
        "--earlier", type=Path, help="folder of the examination before treatment, for models of change"
    )
    predict.add_argument("--earlier-region", type=Path, help="its mask file; its own mask if left out")
    dynamic.add_kinetics(predict)
    predict.add_argument("--out", type=Path, required=True, help="folder for the results")
    predict.add_argument("--overwrite", action="store_true", help="replace results that are there")
    predict.add_argument("--dicom", action="store_true", help="DICOM objects too (case from DICOM only)")
    predict.add_argument("--n4", action="store_true", help="correct the bias field of weighted sequences")
    predict.add_argument("--no-register", action="store_true", help="trust the positions in the headers")
    predict.add_argument("--no-stability", action="store_true", help="do not vary the outline")
    predict.add_argument("--quiet", action="store_true", help="no progress on stderr")
    predict.set_defaults(run=_predict)

    inspect = commands.add_parser("inspect", help="list the sequences of a case with their guessed roles")
    inspect.add_argument("case", type=Path, nargs="+")
    inspect.set_defaults(run=_inspect)

    simulate.register(commands)
    training.register(commands)
    recalibration.register(commands)
    train = commands.add_parser("train-demo", help="make the bundled demonstration models again")
    train.add_argument("out", type=Path)
    train.add_argument("--task", choices=tuple(TASKS), default=MENINGIOMA.task_id)
    train.add_argument("--n", type=int, default=None, help="number of simulated cases")
    train.add_argument("--seed", type=int, default=None)
    train.add_argument("--features", type=Path, help="feature table to train from instead of simulating")
    train.add_argument("--fresh", type=Path, help="feature table of the fresh cohort, for --task breast")
    train.add_argument("--agreement", type=Path, help="agreement.json: features that disagree are refused")
    train.set_defaults(run=_train_demo)

    models.register(commands)
    recipes.register(commands)
    cohorts.register(commands)
    dynamic.register(commands)
    engines.register(commands)
    maps.register(commands)
    return parser


def _pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name or not value:
            raise VirtualBiopsyError(f"{option} {text!r} is not of the form NAME=VALUE.")
        pairs[name] = value
    return pairs


def _predict(options: argparse.Namespace) -> None:
    from .case.read import read_case
    from .models.library import find_model, installed_models
    from .report.export import write_outputs
    from .session import Session

    progress = silent if options.quiet else show
    case = read_case(options.case, progress=progress)
    clinical = {**case.clinical, **_pairs(options.clinical, "--clinical")}
    chosen = [find_model(name) for name in options.model] or None
    task = None if options.task is None else TASKS[options.task]
    session = Session(case.with_clinical(clinical), chosen, task)
    for name, role in _pairs(options.role, "--role").items():
        _check_role(session.case, name, role)
        session.set_role(name, role)
    session.set_preparation(
        **({"bias_correction": True} if options.n4 else {}),
        **({"register": False} if options.no_register else {}),
    )
    dynamic.apply_kinetics(session, options)
    if options.dicom:  # refused before anything is computed
        from .report.dicom.headers import source_headers

        source_headers(session.case.sequence(session.task.reference))
    mask = _outline(case, options.region, "--region")
    if options.earlier is not None:
        earlier = read_case(options.earlier, progress=progress)
        session.set_earlier(earlier, _outline(earlier, options.earlier_region, "--earlier-region"), progress)
    result = session.set_region(mask, progress)
    if not options.no_stability:
        session.stability(progress)
        result = session.result
    written = write_outputs(
        options.out,
        session.case,
        result,
        session.models,
        mask=mask,
        overwrite=options.overwrite,
        progress=progress,
    )
    if options.dicom:
        from .report.dicom.write import write_dicom

        objects = write_dicom(
            options.out / "dicom",
            session.case,
            result,
            session.models,
            overwrite=options.overwrite,
            progress=progress,
        )
        written |= {f"dicom:{name}": path for name, path in objects.items()}
    if not options.quiet:
        print(file=sys.stderr)
    print(RESEARCH_USE_ONLY)
    _print_result(session, result)
    if chosen is None:
        for warning in installed_models().warnings:
            print(f"Warning: {warning}")
    for path in dict.fromkeys(written.values()):
        print(path)


def _outline(case, file: Path | None, option: str):
    from .case.read import read_mask
    from .errors import EmptyRegionError

    mask = read_mask(file) if file else case.regions.get("tumour")
    if mask is None:
        raise EmptyRegionError(f"The case {case.name} has no tumour mask.", f"Give one with {option} FILE.")
    return mask


def _print_result(session, result) -> None:
    from .models.library import trained_on
    from .report.survival import survival_words

    models = {model.model_id: model for model in session.models}
    ranges = {entry.model_id: entry for entry in result.stability}
    for prediction in result.predictions:
        model = models[prediction.model_id]
        line = f"Estimated probability of {prediction.positive}: {prediction.probability:.3f}"
        if (entry := ranges.get(prediction.model_id)) is not None:
            line += f" (outline variants: {entry.low:.3f}–{entry.high:.3f})"
        line += f" — {model.model_id}, {trained_on(model)}"
        print(line)
        for entry in prediction.classes:
            print(f"    {entry.name}: {entry.probability:.3f}")
        for words in survival_words(prediction.survival):
            print(f"    {words}")
    for model_id, why in result.skipped.items():
        print(f"{model_id} was not run: {why}")
    for warning in result.warnings:
        print(f"Warning: {warning}")


def _check_role(case, name: str, role: str) -> None:
    from .case.model import ROLES

    names = [sequence.name for sequence in case.sequences]
    if name not in names:
        raise VirtualBiopsyError(f"The case has no sequence called {name!r}.", f"It has {', '.join(names)}.")
    if role not in ROLES:
        raise VirtualBiopsyError(f"{role!r} is not a role.", f"Roles are {', '.join(ROLES)}.")


def _inspect(options: argparse.Namespace) -> None:
    from .case.read import read_case

    case = read_case(options.case)
    for sequence in case.sequences:
        size = "×".join(str(n) for n in sequence.image.GetSize())
        spacing = "×".join(f"{s:.2f}" for s in sequence.image.GetSpacing())
        print(f"{sequence.role:9} {sequence.name:32} {size:>13}  {spacing:>16} mm  {sequence.reason}")
    for name, mask in case.regions.items():
        size = "×".join(str(n) for n in mask.GetSize())
        print(f"{'region':9} {name:32} {size:>13}")
    for warning in case.warnings:
        print(f"Warning: {warning}")


def _train_demo(options: argparse.Namespace) -> None:
    from .engines.agreement import load_agreement
    from .training.demo import train_demo

    agreement = None if options.agreement is None else load_agreement(options.agreement)
    for path in train_demo(
        options.out,
        options.n,
        options.seed,
        options.features,
        show,
        agreement=agreement,
        task=options.task,
        fresh_csv=options.fresh,
    ):
        print(f"\r{path}")


if __name__ == "__main__":
    sys.exit(main())
