"""Predictions and truth in, better weights out."""
