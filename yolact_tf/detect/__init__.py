"""Predictions in, Detections out."""
