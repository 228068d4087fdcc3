"""Encoded images in, upright RGB pixels out: the same for training, evaluation, serving and export."""
