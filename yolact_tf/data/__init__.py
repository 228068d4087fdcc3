"""Files in, padded batches of images and ground truth out. Knows no model."""
