"""Results as DICOM objects beside the images that they come from: parametric map and structured report.

Needs highdicom (bundled in Slicer 5.12), which is imported when something is written.
"""
