"""What the doors share when a model is trained: choose a recipe, point at a cohort, look at the outcome.

Plain values for any screen; no Qt, no trame, and scikit-learn only while a run goes on.
"""
