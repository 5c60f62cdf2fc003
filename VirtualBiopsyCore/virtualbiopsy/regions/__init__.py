"""Regions of interest: tumour, largest slice, peritumoral ring; and their facts (volume, diameter, …)."""
