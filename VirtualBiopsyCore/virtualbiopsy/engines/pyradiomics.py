"""pyradiomics as an engine: that of this interpreter (SlicerRadiomics) or of another one. Never installed."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from ..errors import EngineError, FeatureError, VirtualBiopsyError
from ..progress import Progress, silent
from ..radiomics.definitions import MASK, definition
from ..radiomics.keys import FeatureKey
from ..radiomics.vector import FeatureVector
from . import pyradiomics_worker
from .names import Group, chain_settings, group_keys, key_settings, pyradiomics_name
from .protocol import DEFAULTS, ExtractionSettings

VARIABLE = "VIRTUALBIOPSY_PYRADIOMICS"
"""Environment variable: path of a Python interpreter in which pyradiomics is installed."""

TIMEOUT = 1800.0
"""Seconds that one extraction may take in another interpreter."""

_ASK_TIMEOUT = 60.0
_ASK = "import radiomics; print(str(radiomics.__version__))"


class PyradiomicsEngine:
    """pyradiomics, in this interpreter or in that of another environment.

    The first question for version or availability starts the other interpreter, which takes a second or two.

    Parameters
    ----------
    python : interpreter that has pyradiomics; None takes the one that :data:`VARIABLE` names, and without
        it this interpreter itself, where 3D Slicer's extension SlicerRadiomics puts pyradiomics.
    timeout : seconds that one extraction may take in another interpreter.
    """

    name = "pyradiomics"

    def __init__(self, python: str | os.PathLike[str] | None = None, timeout: float = TIMEOUT) -> None:
        given = os.environ.get(VARIABLE) if python is None else os.fspath(python)
        self.python = Path(given).expanduser() if given else None
        self.timeout = timeout
        self._asked: tuple[str, str | None] | None = None

    @property
    def version(self) -> str:
        return self._state()[0]

    def availability(self) -> str | None:
        return self._state()[1]

    def _state(self) -> tuple[str, str | None]:
        """Version, and why it cannot be used; looked up once."""
        if self._asked is None:
            self._asked = self._inside() if self.python is None else self._outside(self.python)
        return self._asked

    def _inside(self) -> tuple[str, str | None]:
        try:
            found = importlib.util.find_spec("radiomics")
        except (ImportError, ValueError):
            found = None
        folder = None if found is None or found.origin is None else Path(found.origin).parent
        if folder is None or not (folder / "featureextractor.py").is_file():
            return "", (
                "pyradiomics is not installed here; in 3D Slicer the extension SlicerRadiomics brings it, "
                f"elsewhere {VARIABLE} can name a Python that has it."
            )
        try:
            return importlib.metadata.version("pyradiomics").lstrip("v").split("+")[0], None
        except importlib.metadata.PackageNotFoundError:
            return "unknown", None

    def _outside(self, python: Path) -> tuple[str, str | None]:
        if not python.is_file():
            return "", f"There is no Python interpreter {python}."
        try:
            done = _run([str(python), "-I", "-c", _ASK], _ASK_TIMEOUT)
        except EngineError as error:
            return "", error.message
        if done.returncode:
            return "", f"The Python interpreter {python} cannot import pyradiomics."
        return done.stdout.strip().lstrip("v").split("+")[0], None

    def supports(self, key: FeatureKey | str) -> bool:
        return self._refusal(key) is None

    def _refusal(self, key: FeatureKey | str) -> str | None:
        try:
            parsed = FeatureKey.parse(key) if isinstance(key, str) else key
            pyradiomics_name(parsed)
            key_settings(parsed)
        except (EngineError, FeatureError) as error:
            return error.message
        return None

    def extract(
        self,
        images: Mapping[str, sitk.Image],
        masks: Mapping[str, sitk.Image],
        keys: Sequence[FeatureKey | str],
        settings: ExtractionSettings = DEFAULTS,
        *,
        progress: Progress = silent,
    ) -> FeatureVector:
        """As :meth:`virtualbiopsy.engines.protocol.Engine.extract`.

        Raises
        ------
        EngineError : pyradiomics is not available, does not end in time, or refuses image and mask.
        """
        reason = self.availability()
        if reason is not None:
            raise EngineError(reason)
        wanted, missing = [], {}
        for key in keys:
            parsed = FeatureKey.parse(key) if isinstance(key, str) else key
            refusal = self._refusal(parsed)
            if refusal is None and definition(parsed).needs_image and parsed.sequence not in images:
                refusal = f"The case has no {parsed.sequence}."
            if refusal is None:
                wanted.append(parsed)
            else:
                missing[str(parsed)] = refusal
        groups = group_keys(wanted)
        for group in groups:
            if group.region not in masks:
                raise FeatureError(f"There is no region {group.region!r}.")
        request = [self._request(group, settings) for group in groups]
        progress(0.0, "Running pyradiomics")
        compute = self._compute_inside if self.python is None else self._compute_outside
        answers = compute(request, images, masks, progress)
        values = _collect(groups, answers, missing)
        progress(1.0, "pyradiomics has finished")
        steps = (f"Computed by pyradiomics {self.version} in {len(groups)} calls.",)
        ordered = {str(key): values[str(key)] for key in keys if str(key) in values}
        return FeatureVector(ordered, missing, {}, steps)

    @staticmethod
    def _request(group: Group, settings: ExtractionSettings) -> dict[str, Any]:
        return {
            "image": group.sequence,
            "mask": group.region,
            "settings": {**chain_settings(settings), **group.settings},
            "image_types": group.image_types,
            "features": group.features,
        }

    def _compute_inside(
        self,
        request: list[dict[str, Any]],
        images: Mapping[str, sitk.Image],
        masks: Mapping[str, sitk.Image],
        progress: Progress,
    ) -> list[dict[str, Any]]:
        try:
            return pyradiomics_worker.compute(
                request, images, masks, lambda share: progress(share, "Running pyradiomics")
            )
        except VirtualBiopsyError:
            raise
        except Exception as error:  # an installed pyradiomics may fail in any way
            raise EngineError(
                f"pyradiomics failed: {type(error).__name__}: {str(error)[:300]}.",
                "Check its installation.",
            ) from error

    def _compute_outside(
        self,
        request: list[dict[str, Any]],
        images: Mapping[str, sitk.Image],
        masks: Mapping[str, sitk.Image],
        progress: Progress,
    ) -> list[dict[str, Any]]:
        with tempfile.TemporaryDirectory(prefix="virtualbiopsy-engine-") as name:
            folder = Path(name)
            used = {entry["image"] for entry in request} - {None}
            paths = {"images": {}, "masks": {}}
            for kind, volumes, wanted in (
                ("images", images, used),
                ("masks", masks, {entry["mask"] for entry in request}),
            ):
                for number, volume in enumerate(sorted(wanted)):
                    path = folder / f"{kind}{number}.nrrd"
                    sitk.WriteImage(volumes[volume], str(path))
                    paths[kind][volume] = str(path)
            (folder / "request.json").write_text(json.dumps({**paths, "groups": request}), encoding="utf-8")
            answer = folder / "answer.json"
            command = [self.python, "-I", pyradiomics_worker.__file__, folder / "request.json", answer]
            done = _run(
                [str(part) for part in command],
                self.timeout,
                lambda: progress(0.1, "Running pyradiomics"),
            )
            if done.returncode or not answer.is_file():
                lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
                raise EngineError(
                    f"pyradiomics ended with status {done.returncode}: {lines[-1][:300]}.",
                    f"Check the environment of {self.python}.",
                )
            return json.loads(answer.read_text(encoding="utf-8"))["groups"]


def _collect(
    groups: Sequence[Group], answers: Sequence[Mapping[str, Any]], missing: dict[str, str]
) -> dict[str, float]:
    """Values by key; what is absent goes to `missing`.

    Raises
    ------
    EngineError : every group failed.
    """
    values: dict[str, float] = {}
    errors = []
    for group, answer in zip(groups, answers, strict=True):
        if "error" in answer:
            errors.append(answer["error"])
        found = answer.get("values", {})
        for key, name in group.names.items():
            if name in found:
                values[str(key)] = found[name]
            else:
                what = "shape" if key.sequence == MASK else key.image
                missing[str(key)] = answer.get("error", f"pyradiomics gives no value for it ({what}).")
    if errors and len(errors) == len(groups):
        raise EngineError(f"pyradiomics failed: {errors[0]}", "Check image, mask and settings.")
    return values


def _own_environment() -> dict[str, str]:
    """Environment of another interpreter: without what belongs to this one, or to Slicer's launcher."""
    foreign = ["PYTHON"]
    if "SLICER_HOME" in os.environ:
        foreign += ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"]
    return {name: text for name, text in os.environ.items() if not name.startswith(tuple(foreign))}


def _run(
    command: list[str], timeout: float, tick: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command without a shell; `tick` is called twice a second and may raise, which ends it.

    Raises
    ------
    EngineError : it cannot be started, or has not ended in time.
    """
    environment = _own_environment()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as err:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=err,
                env=environment,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise EngineError(f"{command[0]} cannot be started ({error.strerror}).") from error
        try:
            waited = 0.0
            while True:
                try:
                    out, _ = process.communicate(timeout=0.5)
                    break
                except subprocess.TimeoutExpired:
                    waited += 0.5
                    if waited >= timeout:
                        raise EngineError(
                            f"pyradiomics did not end within {timeout:g} seconds and was stopped.",
                            "Ask for fewer features, or use a coarser spacing.",
                        ) from None
                    if tick is not None:
                        tick()
        except BaseException:
            process.kill()
            process.communicate()
            raise
        err.seek(0)
        return subprocess.CompletedProcess(command, process.returncode, out, err.read())
