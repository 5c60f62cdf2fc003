"""Features of many unions of the parts (supervoxels) of one region, from tables of the parts."""
