"""Cohorts: tables of patients with folders of images, and the features that are extracted from them."""
