"""Predictions and GroundTruth in, named scalars out. Knows no optimiser and no loop: use it in your own."""
