"""Figures of a validation as SVG, from plain values."""
