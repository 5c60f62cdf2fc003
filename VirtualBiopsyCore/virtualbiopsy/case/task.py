"""Which task a case is for, guessed from what was read, with a reason that a user can judge."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..tasks import BREAST, MENINGIOMA, TASKS, Task
from .model import ROLES, Case

_BODY_PARTS = ((BREAST, r"breast|mamma|chest wall"), (MENINGIOMA, r"brain|head|skull|neuro"))
_NAMES = ((BREAST, r"breast|mamma|\bmma?\b|ispy|her2"), (MENINGIOMA, r"brain|head|mening|glioma|brats|skull"))


@dataclass(frozen=True)
class TaskGuess:
    """A task with the reason why it was guessed, one sentence; `sure` is false for a mere default."""

    task: Task
    reason: str
    sure: bool = True


def guess_task(case: Case) -> TaskGuess:
    """Guess the task of a case from body part, dynamic series, sequence roles and names, in this order."""
    return (
        _from_body_part(case)
        or _from_dynamic(case)
        or _from_roles(case)
        or _from_names(case)
        or TaskGuess(MENINGIOMA, "Nothing in the case says which it is for.", sure=False)
    )


def _from_body_part(case: Case) -> TaskGuess | None:
    protocols = [(s.name, s.protocol) for s in case.sequences]
    if case.dynamic is not None:
        protocols.append((case.dynamic.name, case.dynamic.protocol))
    for name, protocol in protocols:
        part = str(protocol.get("BodyPartExamined", ""))
        for task, pattern in _BODY_PARTS:
            if part and re.search(pattern, part.lower()):
                return TaskGuess(task, f"The body part of {name} is {part}.")
    return None


def _from_dynamic(case: Case) -> TaskGuess | None:
    if case.dynamic is None:
        return None
    count = len(case.dynamic.phases)
    return TaskGuess(BREAST, f"The case holds a dynamic series of {count} phases ({case.dynamic.name}).")


def _from_roles(case: Case) -> TaskGuess | None:
    for task in (BREAST, MENINGIOMA):
        others = {role for other in TASKS.values() if other is not task for role in other.roles}
        for role in (task.reference, *task.maps, *task.roles):
            if role not in others and case.has(role):
                name = case.sequence(role).name
                return TaskGuess(task, f"{name} has the role {role} ({ROLES[role]}).")
    return None


def _from_names(case: Case) -> TaskGuess | None:
    for name in (case.name, *(s.name for s in case.sequences)):
        plain = re.sub(r"[_\-.\s]+", " ", name).lower()
        for task, pattern in _NAMES:
            if re.search(pattern, plain):
                return TaskGuess(task, f"The name {name} speaks for it.")
    return None
