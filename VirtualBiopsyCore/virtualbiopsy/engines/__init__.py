"""Extraction engines behind one protocol: ours, and pyradiomics where it is installed; their agreement."""
