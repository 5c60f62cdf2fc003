"""Our own engine behind the protocol."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import SimpleITK as sitk

from .. import __version__
from ..errors import FeatureError
from ..progress import Progress, part, silent
from ..radiomics.definitions import MASK, definition
from ..radiomics.keys import FeatureKey
from ..radiomics.resegment import parse_region
from ..radiomics.vector import FeatureVector
from . import chain, parity
from .protocol import DEFAULTS, ExtractionSettings


class BuiltinEngine:
    """VirtualBiopsy's own features, both profiles, always available.

    Keys of profile "pyradiomics" go through pyradiomics' preparation and filters
    (:mod:`virtualbiopsy.engines.parity`), those of profile "ibsi" through that of the IBSI.

    Parameters
    ----------
    threads : filtered images are spread over so many threads; None takes one for each processor, at most 4.
    """

    name = "virtualbiopsy"

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or min(4, os.cpu_count() or 1)

    @property
    def version(self) -> str:
        return __version__

    def availability(self) -> str | None:
        return None

    def supports(self, key: FeatureKey | str) -> bool:
        try:
            definition(FeatureKey.parse(key) if isinstance(key, str) else key)
        except FeatureError:
            return False
        return True

    def extract(
        self,
        images: Mapping[str, sitk.Image],
        masks: Mapping[str, sitk.Image],
        keys: Sequence[FeatureKey | str],
        settings: ExtractionSettings = DEFAULTS,
        *,
        progress: Progress = silent,
    ) -> FeatureVector:
        """As :meth:`virtualbiopsy.engines.protocol.Engine.extract`."""
        missing: dict[str, str] = {}
        jobs: dict[tuple[str, str, str], list[FeatureKey]] = {}
        for key in keys:
            parsed = FeatureKey.parse(key) if isinstance(key, str) else key
            try:
                found = definition(parsed)
            except FeatureError as error:
                missing[str(parsed)] = error.message
                continue
            if found.needs_image and parsed.sequence not in images:
                missing[str(parsed)] = f"The case has no {parsed.sequence}."
                continue
            region = parse_region(parsed.region).name
            if region not in masks:
                raise FeatureError(f"There is no region {region!r}.", f"Known: {', '.join(masks) or 'none'}.")
            jobs.setdefault((parsed.profile, parsed.sequence, region), []).append(parsed)
        values: dict[str, float] = {}
        bins: dict[str, int] = {}
        steps: dict[str, None] = {}
        for number, ((profile, sequence, region), wanted) in enumerate(_joined(jobs)):
            share = part(progress, number / len(jobs), (number + 1) / len(jobs))
            mask = masks[region]
            image = sitk.Cast(mask, sitk.sitkInt32) if sequence == MASK else images[sequence]
            extract = _like_pyradiomics if profile == "pyradiomics" else _like_ibsi
            found = extract(image, mask, sequence, region, wanted, settings, self.threads, share)
            values.update(found.values)
            missing.update(found.missing)
            bins.update(found.bins)
            steps.update(dict.fromkeys(found.provenance))
        ordered = {str(key): values[str(key)] for key in keys if str(key) in values}
        return FeatureVector(ordered, missing, bins, tuple(steps))


def _joined(jobs: Mapping[tuple[str, str, str], list[FeatureKey]]):
    """Shape goes with an image of the same profile and region, if there is one."""
    jobs = {index: list(keys) for index, keys in jobs.items()}
    for index in [index for index in jobs if index[1] == MASK]:
        profile, _, region = index
        for other in jobs:
            if other[0] == profile and other[2] == region and other[1] != MASK:
                jobs[other] += jobs.pop(index)
                break
    return list(jobs.items())


def _like_pyradiomics(
    image: sitk.Image,
    mask: sitk.Image,
    sequence: str,
    region: str,
    keys: Sequence[FeatureKey],
    settings: ExtractionSettings,
    threads: int,
    progress: Progress,
) -> FeatureVector:
    prepared = chain.prepare(image, mask, settings)
    bins: dict[str, int] = {}
    values, missing = parity.features(prepared, keys, threads=threads, progress=progress, bins=bins)
    return FeatureVector(
        {str(key): value for key, value in values.items()},
        {str(key): reason for key, reason in missing.items()},
        bins,
        prepared.steps,
    )


def _like_ibsi(
    image: sitk.Image,
    mask: sitk.Image,
    sequence: str,
    region: str,
    keys: Sequence[FeatureKey],
    settings: ExtractionSettings,
    threads: int,
    progress: Progress,
) -> FeatureVector:
    from ..radiomics.chain import ChainSettings, run_chain

    steps = []
    if settings.normalise:
        image = chain.normalised(image, settings)
        steps.append(chain.normalised_step(settings))
    steps_mm = settings.spacing
    chosen = ChainSettings(
        label=settings.label,
        spacing=None if steps_mm is None else tuple(step or None for step in reversed(steps_mm)),
        interpolator=settings.interpolator,
    )
    mask = chain.on_grid(image, mask, settings)
    found = run_chain({sequence: image}, {region: mask}, keys, chosen, progress=progress)
    return replace(found, provenance=(*steps, *found.provenance))
