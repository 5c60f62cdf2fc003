"""Python packages that training needs and Slicer does not bring: installed at first use, after a question."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from ..errors import MissingPackageError
from ..workbench.form import Form, chosen_recipe

REQUESTER = "Radiomics Workbench"


@dataclass(frozen=True)
class Package:
    """A package by consent.

    Attributes
    ----------
    requirement : as pip takes it, "name>=version". module : what is imported.
    megabytes : of the download with everything that it brings, rounded up. why : what it is for.
    """

    requirement: str
    module: str
    megabytes: int
    why: str

    @property
    def least(self) -> tuple[int, ...]:
        """Lowest version that serves."""
        return _numbers(self.requirement.partition(">=")[2])


def _scikit_learn() -> Package:
    return Package("scikit-learn>=1.8", "sklearn", 11, _("training and validation"))


def _xgboost() -> Package:
    # "xgboost" itself brings hundreds of megabytes for graphics cards on Linux and Windows
    name = "xgboost" if sys.platform == "darwin" or _version("xgboost") else "xgboost-cpu"
    return Package(f"{name}>=2.1", "xgboost", 6, _("the recipe's kind of model"))


def _template() -> Package:
    return Package(
        "nilearn>=0.10", "nilearn", 30, _("its anatomical template, on which simulated heads are built")
    )


def _workbooks() -> Package:
    return Package("openpyxl>=3.1", "openpyxl", 1, _("reading Excel workbooks"))


def to_examine(form: Form) -> tuple[Package, ...]:
    """What is needed to look at the cases."""
    texts = (form.cohort, form.labels, *form.external)
    return (_workbooks(),) if any(_is_workbook(text) for text in texts) else ()


def to_train(form: Form) -> tuple[Package, ...]:
    """What is needed for a run.

    Raises
    ------
    FormError : there is no such recipe, or it cannot be run.
    """
    _study, plan = chosen_recipe(form)
    found = [_scikit_learn()]
    if plan.method.estimator.kind == "xgboost":
        found.append(_xgboost())
    if form.simulated and plan.stand_in.task == "meningioma":
        found.append(_template())
    return (*found, *to_examine(form))


def missing(packages: Iterable[Package]) -> tuple[Package, ...]:
    """Those that are not installed, or too old."""
    importlib.invalidate_caches()
    return tuple(package for package in packages if not _serves(package))


def _serves(package: Package) -> bool:
    if importlib.util.find_spec(package.module) is None:
        return False
    found = _version(_name(package.requirement))
    return not found or _numbers(found) >= package.least


def _name(requirement: str) -> str:
    return re.split(r"[<>=!~\[;]", requirement)[0]


def _version(name: str) -> str:
    """Version of an installed package, "" if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _is_workbook(text: str) -> bool:
    path = Path(text.strip())
    return path.suffix.lower() == ".xlsx" or (path / "cohort.xlsx").is_file()


def question(packages: Sequence[Package]) -> str:
    """What the user is asked: which packages, how large, from where."""
    lines = [
        _("{name} (about {size} MB): {why}").format(
            name=package.requirement, size=package.megabytes, why=package.why
        )
        for package in packages
    ]
    return "\n\n".join(
        (
            _("This needs Python packages that are not installed:"),
            "\n".join(f"• {line}" for line in lines),
            _(
                "They are downloaded from the Python Package Index: a network connection is made, and "
                "no data of yours are sent. They are added to Slicer's Python; packages that are "
                "there already keep their version."
            ),
            _("Install them now?"),
        )
    )


def ensure(packages: Sequence[Package]) -> bool:
    """Install what is missing if the user agrees; False if not. Main thread only; waits for pip.

    Raises
    ------
    MissingPackageError : they could not be installed.
    """
    wanted = missing(packages)
    if not wanted:
        return True
    if not slicer.util.confirmOkCancelDisplay(question(wanted), windowTitle=REQUESTER):
        return False
    requirements = [package.requirement for package in wanted]
    told = ""
    try:
        _install(requirements)
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        told = f" ({error})"
    left = missing(wanted)
    if left:
        names = ", ".join(package.requirement for package in left)
        quoted = " ".join(f'"{package.requirement}"' for package in left)
        raise MissingPackageError(
            _("{names} could not be installed{why}.").format(names=names, why=told),
            _(
                "Check the network connection and the proxy, or install them yourself: "
                "PythonSlicer -m pip install {names}."
            ).format(names=quoted),
        )
    return True


def _install(requirements: list[str]) -> None:
    """Run pip; nothing that is installed already changes its version."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "constraints.txt"
        kept.write_text("".join(f"{line}\n" for line in _constraints(requirements)), encoding="utf-8")
        try:
            packaging = importlib.import_module("slicer.packaging")  # Slicer 5.11 and later
        except ImportError:
            with slicer.util.WaitCursor():
                slicer.util.pip_install([*requirements, "--constraint", str(kept)])
        else:
            packaging.pip_ensure(requirements, constraints=kept, prompt_install=False, requester=REQUESTER)


def _constraints(requirements: Sequence[str]) -> list[str]:
    """One line for each package that is installed and was not asked for."""
    asked = {_plain(_name(requirement)) for requirement in requirements}
    found = {}
    for entry in importlib.metadata.distributions():
        name = entry.metadata["Name"]
        if name and entry.version and _plain(name) not in asked:
            found[_plain(name)] = f"{name}=={entry.version}"
    return sorted(found.values())


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
