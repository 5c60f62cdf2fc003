"""Radiomic features in numpy and scipy, from the definitions of the Image Biomarker Standardisation Initiative."""
