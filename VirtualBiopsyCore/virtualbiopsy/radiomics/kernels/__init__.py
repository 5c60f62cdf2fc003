"""The inner loops of the texture matrices, in interchangeable modules with the same functions.

``plain`` needs numpy and scipy only, ``compiled`` needs numba. Both have
:func:`~virtualbiopsy.radiomics.kernels.plain.pair_counts`, ``run_counts``, ``zone_labels``, ``alike_counts``,
``tone_sums``, ``glcm_tables``, ``second_eigenvalues``, ``levels_between`` with the signatures of ``plain``,
and the shortcuts ``linked_matrices``, ``averages`` and ``moments``, which may give nothing: then the caller
takes the long way. :mod:`~virtualbiopsy.radiomics.kernels.choose` says which module is used.
"""

from __future__ import annotations

from .choose import active

__all__ = ["active"]
