"""Image filters of IBSI-2 and of pyradiomics, in numpy, scipy and SimpleITK.

The grammar is in :mod:`.spec`, the filters behind one function in :mod:`.apply`; that one is imported where
something is filtered, as it takes scipy's Fourier transforms with it.
"""
