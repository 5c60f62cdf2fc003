"""Explanations that balance: Shapley values of features, and the voxel ledger."""
