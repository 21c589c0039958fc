"""Weights and features along alpha, the share of the original."""
