"""Frames and what was found in them in, files out."""
