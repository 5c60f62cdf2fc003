"""Voxel-wise maps: the value of a feature in the neighbourhood (kernel) of each voxel of a region."""
