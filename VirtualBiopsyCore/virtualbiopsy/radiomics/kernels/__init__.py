"""The inner loops of the texture matrices, in interchangeable modules with the same functions.

``plain`` needs numpy and scipy only. Every module has
:func:`~virtualbiopsy.radiomics.kernels.plain.pair_counts`, ``run_counts``, ``zone_labels``, ``alike_counts``,
``tone_sums``, ``glcm_tables`` and ``second_eigenvalues`` with the signatures of ``plain``.
"""

from __future__ import annotations

from types import ModuleType

from . import plain


def active() -> ModuleType:
    """The module to use now."""
    return plain
