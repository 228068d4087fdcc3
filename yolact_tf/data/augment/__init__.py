"""An Example in, one random view of it out: pixels, boxes and masks moved together. Graph code."""
