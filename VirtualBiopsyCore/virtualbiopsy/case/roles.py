"""Guess what a sequence is, from its acquisition parameters and its name, and say why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod

from .model import ROLES, Sequence
from .tags import number


@dataclass(frozen=True)
class RoleGuess:
    """A guessed role.

    Attributes
    ----------
    role : key of :data:`virtualbiopsy.case.model.ROLES`.
    reason : one sentence.
    confidence : 0…1, to choose between two sequences with the same role; not a probability.
    """

    role: str
    reason: str
    confidence: float = 0.0


_T1 = (
    r"t1|t1w|t1n|t1wi|mprage|mp2rage|bravo|f?spgr|vibe|lava|thrive|tfl3d|3dt1|t1tfe|t1tse|t1se|t1fl2d|t1space"
)
_CONTRAST = r"gd|gad|gado\w*|post\w*|ce|c|\+c|km|cm|contrast|kontrast|enhanced|dotarem|gadovist"
_PLAIN = r"pre|precontrast|nativ|native|plain|ohne|without|non|noncontrast|nonenhanced|unenhanced|w/o"
_B_VALUES = r"b ?(0|50|100|200|300|400|500|600|700|800|900|1000|1200|1400|1500|2000|2500|3000)"

# (role, pattern over " word word … ", what was found); the first that fits decides.
_NAMES: tuple[tuple[str, str, str], ...] = (
    ("other", r" (locali[sz]er|scout|survey|loc|3plane|calib\w*|phoenix\w*) ", "a localiser"),
    ("other", r" (e ?adc|exponential (adc|apparent)\w*|expadc) ", "an exponential ADC map"),
    ("adc", r" (adc|dadc|adcmap|apparent diffusion( coefficient)?) ", "ADC"),
    ("other", r" (fa map|fractional anisotropy|colfa|tensor) ", "a tensor map"),
    ("dwi", rf" (dwi|diff|diffusion|tracew?|dti|ep2d ?diff\w*|resolve|hardi|{_B_VALUES}) ", "diffusion"),
    ("aptw", r" (aptw?|aptcest|cest|amide)\w* ", "amide proton transfer"),
    ("ktrans", r" (k ?trans) ", "Ktrans"),
    ("kep", r" (kep) ", "kep"),
    ("perfusion", r" (r?cbv|r?cbf|mtt|tmax|perf\w*|pwi|dsc|asl|pcasl|pasl) ", "perfusion"),
    ("ve", r"^ (dce |tofts |map )*ve (map )?$", "ve"),
    ("vp", r"^ (dce |tofts |map )*vp (map )?$", "vp"),
    ("pe", r" (pe ?1?|percent(age)? enhancement|pct ?enhance\w*) ", "percent enhancement"),
    ("ser", r" (ser|signal enhancement ratio) (?!\d)", "the signal enhancement ratio"),
    ("washin", r" (wash ?in) ", "wash-in"),
    ("washout", r" (wash ?out) ", "wash-out"),
    ("maxslope", r" (max(imum)? ?slope) ", "the maximum slope"),
    ("curvetype", r" (curve ?types?) ", "the type of the curve"),
    ("ttp", r" (ttp|time to peak) ", "the time to peak"),
    ("t1map", r" (t1 ?map\w*|t1 ?mapping|molli|relaxometry) ", "a T1 map"),
    ("swi", r" (swi\w*|swan|venobold|t2star|t2\*|t2s|minip|hemo|qsm) ", "susceptibility weighting"),
    ("dce", r" (dce\w*|dyn\w*|dynamic|twist|disco|tricks|phase ?\d+) ", "a dynamic series"),
)
_DERIVED = re.compile(r" ((pe ?[02-9]|iauc|subtraction|subtract|mip) |sub $)")


def guess_role(name: str, protocol: Mapping[str, str], series_description: str = "") -> RoleGuess:
    """Guess the role of a sequence.

    Parameters
    ----------
    name : file or series name.
    protocol : acquisition parameters by DICOM keyword, may be empty.
    series_description : DICOM series description (or protocol name), may be empty.
    """
    for text, what, confidence in (
        (series_description, "the series description", 0.95),
        (name, "the name", 0.9),
    ):
        guess = _by_words(text, what, protocol, confidence)
        if guess is not None:
            return guess
    return _by_parameters(protocol)


def resolve_roles(sequences: Iterable[tuple[Sequence, RoleGuess]]) -> tuple[Sequence, ...]:
    """Give each role to one sequence; the others that look like it become "other", with the reason.

    Where confidence is equal, the sequence that was listed first in the shallower folder wins, then the one
    with smaller voxels.
    """
    given = list(sequences)
    best: dict[str, int] = {}
    for index, (_, guess) in enumerate(given):
        if guess.role == "other":
            continue
        known = best.get(guess.role)
        if known is None or _rank(given[index]) > _rank(given[known]):
            best[guess.role] = index
    result = []
    for index, (sequence, guess) in enumerate(given):
        if guess.role == "other" or best[guess.role] == index:
            result.append(replace(sequence, role=guess.role, reason=guess.reason))
            continue
        winner = given[best[guess.role]][0].name
        reason = f"Looks like {guess.role} ({_lower(guess.reason)}), but {winner} has that role."
        result.append(replace(sequence, role="other", reason=reason))
    return tuple(result)


def _rank(item: tuple[Sequence, RoleGuess]) -> tuple[float, float, float]:
    sequence, guess = item
    depth = sequence.source.replace("\\", "/").count("/")
    return (guess.confidence, -depth, -prod(sequence.image.GetSpacing()))


def _lower(reason: str) -> str:
    return (reason[:1].lower() + reason[1:]).rstrip(".")


def words_of(text: str) -> str:
    """Words of a name between single blanks, with the marks that carry meaning (+, *) kept."""
    spaced = re.sub(r"([a-z])([A-Z][a-z])", r"\1 \2", text).lower()
    spaced = spaced.replace("增强", " contrast ").replace("强化", " contrast ")
    words = re.findall(r"t2\*|\+\s?c\b|w/o|[a-z0-9]+|\+", spaced)
    return " " + " ".join(word.replace("+ ", "+") for word in words) + " "


def _by_words(text: str, where: str, protocol: Mapping[str, str], confidence: float) -> RoleGuess | None:
    if not text.strip():
        return None
    words = words_of(text)
    found = f"{where[0].upper()}{where[1:]} says"
    if _DERIVED.search(words):
        return RoleGuess("other", f"{found} that it is derived from other images.", confidence)
    for role, pattern, what in _NAMES:
        match = re.search(pattern, words)
        if match:
            return RoleGuess(role, f'{found} "{match[0].strip()}": {what}.', confidence)
    joined = re.search(r" (t1w?(c|ce|gd|post\w*|km|cm|contrast)|ct1w?|cet1w?|t1 ?\+c|t1 ?\+ ?gd) ", words)
    if joined:
        return RoleGuess("t1c", f'{found} "{joined[0].strip()}": T1 with contrast agent.', confidence)
    t1 = re.search(rf" ({_T1}) ", words)
    t2 = re.search(r" (t2|t2w|t2wi|t2tse|t2tirm|t2fse|frfse|t2space) ", words)
    fluid = re.search(r" (\w*flair\w*|fla|t2f|dark ?fluid|darkfl\w*|fluid attenuated\w*|tirm) ", words)
    if fluid and not (t1 and not t2):
        return RoleGuess("flair", f'{found} "{fluid[0].strip()}": fluid-attenuated.', confidence)
    if t1 and not (t2 and t2.start() < t1.start()):
        return _t1_or_t1c(words, t1[0].strip(), found, protocol, confidence)
    if t2:
        return RoleGuess("t2", f'{found} "{t2[0].strip()}": T2-weighted.', confidence)
    return None


def _t1_or_t1c(
    words: str, word: str, found: str, protocol: Mapping[str, str], confidence: float
) -> RoleGuess:
    plain = re.search(rf" ({_PLAIN}) ", words)
    contrast = re.search(rf" ({_CONTRAST}) ", words)
    if contrast and not plain:
        both = f'"{word}" and "{contrast[0].strip()}"'
        return RoleGuess("t1c", f"{found} {both}: T1 with contrast agent.", confidence)
    if not plain and _agent(protocol):
        return RoleGuess("t1c", f'{found} "{word}", and a contrast agent is recorded.', confidence)
    repeated = (number(protocol.get("NumberOfTemporalPositions")) or 1) > 2
    if repeated:
        return RoleGuess("dce", f'{found} "{word}", and the series repeats the volume.', confidence)
    return RoleGuess("t1", f'{found} "{word}", and no contrast agent is recorded.', confidence - 0.05)


def _agent(protocol: Mapping[str, str]) -> bool:
    text = protocol.get("ContrastBolusAgent", "").strip().lower()
    return bool(text) and text not in ("none", "no", "n", "0", "n/a", "nein", "without")


def _by_parameters(protocol: Mapping[str, str]) -> RoleGuess:
    """From image type, b-value and timing; limits as in common clinical protocols."""
    kind = protocol.get("ImageType", "").upper()
    contrast = protocol.get("AcquisitionContrast", "").upper()
    parts = set(kind.split("\\")) | {contrast}
    for role, marks in (
        ("adc", {"ADC"}),
        ("pe", {"PE1"}),
        ("ser", {"SER"}),
        ("perfusion", {"PERFUSION", "RCBV", "RCBF", "MTT", "TTP"}),
        ("dwi", {"DIFFUSION", "TRACEW", "DWI"}),
        ("swi", {"SWI", "MNIP", "T2_STAR"}),
        ("flair", {"FLUID_ATTENUATED"}),
    ):
        if parts & marks:
            mark = sorted(parts & marks)[0]
            return RoleGuess(role, f"The DICOM image type says {mark}.", 0.8)
    b_value = number(protocol.get("DiffusionBValue")) or 0.0
    if b_value > 0:
        return RoleGuess("dwi", f"A b-value of {b_value:g} s/mm² is recorded.", 0.8)
    if "T1" in parts:
        if _agent(protocol):
            return RoleGuess("t1c", "The DICOM image type says T1, and a contrast agent is recorded.", 0.75)
        return RoleGuess("t1", "The DICOM image type says T1.", 0.7)
    if "T2" in parts:
        return RoleGuess("t2", "The DICOM image type says T2.", 0.7)
    return _by_timing(protocol)


def is_fast_t1(protocol: Mapping[str, str]) -> bool:
    """Whether the timing is that of a short spoiled gradient echo, as dynamic series use it (TR < 50 ms,
    TE < 10 ms, not echo-planar, no b-value)."""
    tr, te = number(protocol.get("RepetitionTime")), number(protocol.get("EchoTime"))
    technique = set(protocol.get("ScanningSequence", "").upper().split("\\"))
    diffusion = (number(protocol.get("DiffusionBValue")) or 0.0) > 0
    return (
        tr is not None and te is not None and tr < 50 and te < 10 and "EP" not in technique and not diffusion
    )


def _by_timing(protocol: Mapping[str, str]) -> RoleGuess:
    tr, te = number(protocol.get("RepetitionTime")), number(protocol.get("EchoTime"))
    ti = number(protocol.get("InversionTime")) or 0.0
    technique = set(protocol.get("ScanningSequence", "").upper().split("\\"))
    if tr is None or te is None:
        return RoleGuess("other", "Neither the name nor acquisition parameters tell what it is.", 0.0)
    timing = f"TR {tr:g} ms, TE {te:g} ms" + (f", TI {ti:g} ms" if ti else "")
    repeated = (number(protocol.get("NumberOfTemporalPositions")) or 1) > 1
    if "EP" in technique:
        return RoleGuess(
            "other", f"Echo-planar without a b-value ({timing}): diffusion, perfusion or BOLD.", 0.0
        )
    if ti >= 1200 and te >= 70:
        return RoleGuess("flair", f"Inversion recovery with long TI and TE ({timing}).", 0.6)
    gradient = "GR" in technique or ("SE" not in technique and tr < 50)
    if gradient:
        if te >= 15:
            return RoleGuess("swi", f"Gradient echo with a long TE ({timing}).", 0.5)
        if repeated and tr < 50 and te < 10:
            return RoleGuess("dce", f"A short gradient echo that is repeated ({timing}).", 0.6)
        if te < 10 and (tr < 50 or 0 < ti <= 1300):
            return _weighted_t1(protocol, f"Gradient echo with short TE ({timing})")
    elif tr < 1200 and te < 40 and not (0 < ti < 250):
        return _weighted_t1(protocol, f"Spin echo with short TR and TE ({timing})")
    elif 400 <= ti <= 1200 and te < 40:
        return _weighted_t1(protocol, f"Inversion recovery with short TE ({timing})")
    elif tr >= 2000 and te >= 60 and not ti:
        return RoleGuess("t2", f"Spin echo with long TR and TE ({timing}).", 0.6)
    elif tr >= 1500 and te < 40 and not ti:
        return RoleGuess("other", f"Proton density by its timing ({timing}).", 0.0)
    return RoleGuess("other", f"The timing fits no sequence that is used here ({timing}).", 0.0)


def _weighted_t1(protocol: Mapping[str, str], why: str) -> RoleGuess:
    if _agent(protocol):
        return RoleGuess("t1c", f"{why}, and a contrast agent is recorded.", 0.6)
    return RoleGuess("t1", f"{why}, and no contrast agent is recorded.", 0.55)


assert all(role in ROLES for role, _, _ in _NAMES)
