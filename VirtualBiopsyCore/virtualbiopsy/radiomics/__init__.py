"""Radiomic features in numpy and scipy, defined by the Image Biomarker Standardisation Initiative (IBSI)."""
