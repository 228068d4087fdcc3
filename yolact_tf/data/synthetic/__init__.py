"""A seed in, a drawn COCO data set out."""
