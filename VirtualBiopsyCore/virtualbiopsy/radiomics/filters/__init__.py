"""Image filters of IBSI-2 and of pyradiomics, in numpy, scipy and SimpleITK."""
