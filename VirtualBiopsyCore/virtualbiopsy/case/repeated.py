"""Finding the dynamic series and the diffusion series among the images of a case."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence as Many
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path, PurePath

import SimpleITK as sitk

from ..errors import DynamicSeriesError
from .acquired import chosen_times
from .diffusion import DiffusionSeries
from .diffusion_series import take_diffusion
from .dynamic import DynamicSeries
from .dynamic_series import TimedImage, build_series
from .geometry import same_grid
from .items import Item, common_name
from .model import Sequence
from .roles import RoleGuess, is_fast_t1, words_of
from .sidecar import table_of_folder
from .tags import number

_DYNAMIC_WORDS = r" (dce\w*|dyn\w*|dynamic|phases?|phase ?\d+|ph ?\d+|twist|disco|tricks|ultrafast) "
_BEFORE = r" (pre|precontrast|pre ?contrast|nativ|native|plain|unenhanced|baseline|ohne) "
_AFTER = r" (post ?\d*|post ?contrast|\d ?(st|nd|rd|th) pass) "
_HEAD = r" (brain|head|skull|neuro|cranial|schaedel|kopf) "
_FLIP = r" (?:vfa|fa|flip|flip ?angle|alpha) ?(\d{1,2})(?: ?deg)? "
_SAME = 0.02


@dataclass(eq=False)
class Sorted:
    """What :func:`sort_items` found; `rest` are the images that stand for themselves."""

    rest: list[Item]
    dynamic: DynamicSeries | None = None
    diffusion: DiffusionSeries | None = None
    warnings: list[str] = field(default_factory=list)


def sort_items(items: Many[Item]) -> Sorted:
    """Find the dynamic series and the diffusion series.

    Images are phases of one dynamic series if they share grid, TR, TE, TI, flip angle and image type as far
    as these are known, and are several volumes of one series, or are called dynamic (then two are enough),
    or are three or more fast T1-weighted images that do not show a head. Of several series the one with most
    phases is kept as the dynamic one. Images with the same TR and TE and other flip angles go along with it.

    Images are one diffusion series if they share a grid and have b-values. Where a b-value above 0 has
    several images, their geometric mean is taken (as scanners make trace images), at b = 0 the mean.
    """
    result = Sorted(list(items))
    _take_dynamic(result)
    alone = [item for item in result.rest if item.guess.role == "dce"]
    if result.dynamic is None and len(alone) == 1:
        name = alone[0].sequence.name
        result.warnings.append(
            f"{name} looks like one phase of a dynamic series. Its maps need a phase before and one after "
            "the contrast agent; load the other phases too."
        )
    result.rest, result.diffusion, told = take_diffusion(result.rest)
    result.warnings.extend(told)
    return result


def says_precontrast(name: str) -> bool | None:
    """Whether a name says that its image is pre-contrast ("pre", "native") or not; None: it says nothing."""
    words = words_of(name)
    before, after = re.search(_BEFORE, words), re.search(_AFTER, words)
    return None if bool(before) == bool(after) else bool(before)


def _take_dynamic(result: Sorted) -> None:
    clusters = [c for c in _clusters(result.rest) if _is_dynamic(c)]
    clusters.sort(key=lambda c: (-len(c), -prod(c[0].sequence.image.GetSize())))
    for cluster in clusters:
        if result.dynamic is not None:
            result.warnings.append(
                f"{common_name(cluster)} looks like a second dynamic series; {result.dynamic.name} with "
                f"{len(result.dynamic.phases)} phases is used, the other's images stand for themselves."
            )
            continue
        if not any(item.series for item in cluster):
            cluster.sort(key=lambda item: (not item.timed.precontrast, _natural(item.sequence.name)))
        angles, used = _flip_angles(cluster, result.rest)
        first = cluster[0]
        injection = cluster[-1].bolus if all(item.bolus for item in cluster) else None
        timed, told = _with_table(cluster)
        try:
            series, notes = build_series(
                common_name(cluster),
                timed,
                protocol=first.sequence.protocol,
                frame_of_reference=first.sequence.frame_of_reference,
                source=first.sequence.source,
                injection=told or injection,
                flip_angles=angles,
            )
        except DynamicSeriesError as error:
            result.warnings.append(f"{error} The images stand for themselves.")
            continue
        result.dynamic = series
        result.warnings.extend(notes)
        gone = {id(item) for item in cluster}
        result.rest = [
            replace(item, guess=RoleGuess("other", f"One of the flip angles of {series.name}.", 0.99))
            if id(item) in used
            else item
            for item in result.rest
            if id(item) not in gone
        ]


def _with_table(cluster: list[Item]) -> tuple[list[TimedImage], tuple[float, str] | None]:
    """Times of phases in single files, and the injection, where a table beside the files gives them."""
    timed = [item.timed for item in cluster]
    folder = Path(cluster[0].sequence.source).parent
    if any(item.series or Path(item.sequence.source).parent != folder for item in cluster):
        return timed, None
    table = table_of_folder(folder, common_name(cluster), len(cluster))
    if not table.times:
        return timed, None
    timed = [
        replace(
            image,
            times={table.source: seconds},
            precontrast=n < table.precontrast if table.precontrast else image.precontrast,
            told_by=table.precontrast_source or image.told_by,
            duration_s=table.duration_s or image.duration_s,
        )
        for n, (image, seconds) in enumerate(zip(timed, table.times, strict=True))
    ]
    told = None if table.injection_s is None else (table.injection_s, f"InjectionStart in {table.file}.")
    return timed, told


def _clusters(items: Many[Item]) -> list[list[Item]]:
    clusters: list[list[Item]] = []
    for item in items:
        if not _may_be_phase(item):
            continue
        for cluster in clusters:
            if _belong_together(cluster[0], item):
                cluster.append(item)
                break
        else:
            clusters.append([item])
    return [part for cluster in clusters for part in _without_repeats(cluster)]


def _without_repeats(cluster: list[Item]) -> list[list[Item]]:
    """The cluster, or its series one by one where two hold the same times (a motion-corrected copy)."""
    volumes: dict[str, list[Item]] = defaultdict(list)
    for item in cluster:
        volumes[item.series].append(item)
    several = [items for series, items in volumes.items() if series and len(items) > 1]
    if len(several) < 2 or chosen_times([item.timed.times for item in cluster]) is not None:
        return [cluster]
    return several


def _may_be_phase(item: Item) -> bool:
    if item.guess.role in ("dce", "t1", "t1c"):
        kind = set(item.sequence.protocol.get("ImageType", "").upper().split("\\"))
        if kind & {"SUBTRACTION", "SUB", "MIP", "PROJECTION IMAGE", "MPR", "RESAMPLED"}:
            return False
        return "RepetitionTime" not in item.sequence.protocol or is_fast_t1(item.sequence.protocol)
    words = words_of(item.sequence.name)
    alone = item.guess.role == "other" and item.guess.confidence == 0.0
    return alone and any(re.search(known, words) for known in (_BEFORE, _AFTER, _DYNAMIC_WORDS))


def _belong_together(one: Item, other: Item) -> bool:
    first, second = one.sequence, other.sequence
    if one.series and one.series == other.series:
        return _same_protocol(first, second)
    if one.whole or other.whole:
        return False
    by_name = _stem(one) is not None and _stem(one) == _stem(other)
    if not by_name and not same_grid(first.image, second.image):
        return False
    frames = {first.frame_of_reference, second.frame_of_reference} - {None}
    return len(frames) < 2 and _same_protocol(first, second)


def _same_protocol(first: Sequence, second: Sequence) -> bool:
    for keyword in ("RepetitionTime", "EchoTime", "InversionTime", "FlipAngle"):
        a, b = number(first.protocol.get(keyword)), number(second.protocol.get(keyword))
        if a is not None and b is not None and abs(a - b) > _SAME * max(a, b):
            return False
    kinds = [s.protocol.get("ImageType", "").upper().split("\\")[2:] for s in (first, second)]
    return kinds[0] == kinds[1] or not all(kinds)


def _stem(item: Item) -> str | None:
    """Folder and name without the words and numbers that tell phases apart; None if it holds none of them."""
    words = words_of(item.sequence.name)
    bare = re.sub(rf"{_BEFORE}|{_AFTER}", " ", words.replace(" ", "  "))
    bare = re.sub(r"\d+", "", bare)
    if item.series or bare.split() == words.split():
        return None
    return f"{PurePath(item.sequence.source).parent}|{' '.join(bare.split())}"


def _is_dynamic(cluster: list[Item]) -> bool:
    if len(cluster) < 2:
        return False
    volumes: dict[str, int] = defaultdict(int)
    for item in cluster:
        volumes[item.series] += 1
    of_one_series = max((n for series, n in volumes.items() if series), default=0)
    named = sum(item.guess.role == "dce" or bool(re.search(_DYNAMIC_WORDS, _words(item))) for item in cluster)
    if of_one_series >= 2 and named:
        return True
    if named == len(cluster):
        return True
    body = " ".join(item.sequence.protocol.get("BodyPartExamined", "") for item in cluster)
    head = re.search(_HEAD, words_of(body)) or any(re.search(_HEAD, _words(item)) for item in cluster)
    return len(cluster) >= 3 and not head and all(_fast_or_told(item) for item in cluster)


def _fast_or_told(item: Item) -> bool:
    return is_fast_t1(item.sequence.protocol) or item.timed.precontrast is not None


def _natural(name: str) -> list[tuple[int, str]]:
    """Key that sorts "phase 10" after "phase 9"."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name.lower())]


def _words(item: Item) -> str:
    path = PurePath(item.sequence.source.replace("\\", "/"))
    folder = path.parent.name if path.suffix else ""
    return words_of(f"{item.sequence.name} {folder}")


def _flip_angles(cluster: list[Item], items: Many[Item]) -> tuple[dict[float, sitk.Image], set[int]]:
    """Images with the repetition and echo time of the dynamic series and other flip angles, by angle."""
    inside = {id(item) for item in cluster}
    own = cluster[0].sequence
    found: dict[float, sitk.Image] = {}
    used = set()
    for item in items:
        if id(item) in inside or item.guess.role not in ("t1", "t1c", "dce", "other", "t1map"):
            continue
        angle = number(item.sequence.protocol.get("FlipAngle"))
        named = re.search(_FLIP, words_of(item.sequence.name))
        if angle is None and named:
            angle = float(named[1])
        if angle is None or not (named or is_fast_t1(item.sequence.protocol)):
            continue
        frames = {own.frame_of_reference, item.sequence.frame_of_reference} - {None}
        timing = [
            (number(own.protocol.get(k)), number(item.sequence.protocol.get(k)))
            for k in ("RepetitionTime", "EchoTime")
        ]
        differ = any(a and b and abs(a - b) > 0.05 * max(a, b) for a, b in timing)
        if len(frames) > 1 or differ or angle in found:
            continue
        if angle == number(own.protocol.get("FlipAngle")) and not named:
            continue
        found[angle] = item.sequence.image
        used.add(id(item))
    return (found, used) if len(found) > 1 or (found and "FlipAngle" in own.protocol) else ({}, set())
