"""The inner loops of the texture matrices, in interchangeable modules with the same functions.

``plain`` needs numpy and scipy only, ``compiled`` needs numba; both have the functions of ``plain``. Some are
shortcuts, which give nothing in ``plain``: then the caller takes the long way.
:mod:`~virtualbiopsy.radiomics.kernels.choose` says which module is used.
"""

from __future__ import annotations

from .choose import active

__all__ = ["active"]
