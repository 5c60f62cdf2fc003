"""Figures as SVG strings, HTML reports, and exports."""
