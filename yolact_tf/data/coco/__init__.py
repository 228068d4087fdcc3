"""A folder with COCO annotations in, checked Records out."""
