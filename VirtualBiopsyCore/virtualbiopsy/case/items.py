"""Images of a case while roles are not given yet."""

from __future__ import annotations

import re
from collections.abc import Sequence as Many
from dataclasses import dataclass

from .dynamic_series import TimedImage
from .model import Sequence
from .roles import RoleGuess


@dataclass(frozen=True, eq=False)
class Item:
    """One image of the case while roles are not given yet.

    Attributes
    ----------
    sequence : the image; its role is not set. guess : the role that its name and parameters suggest.
    timed : what is known of its time.
    series : the same text for the images of one DICOM series, of one 4D file; "" if it stands alone.
    bolus : when the contrast agent was given, on the clock of `timed`, and where that came from; None if it
        is not known.
    whole : whether its series is complete in itself (a 4D file).
    """

    sequence: Sequence
    guess: RoleGuess
    timed: TimedImage
    series: str = ""
    bolus: tuple[float, str] | None = None
    whole: bool = False


def common_name(cluster: Many[Item]) -> str:
    """What the names of several images have in common; "dynamic series" if nothing."""
    names = [re.sub(r" \(\d+ of \d+\)$", "", item.sequence.name) for item in cluster]
    if len(set(names)) == 1:
        return names[0]
    common = names[0]
    for name in names[1:]:
        while not name.startswith(common):
            common = common[:-1]
    return common.strip(" _-.([") or "dynamic series"
