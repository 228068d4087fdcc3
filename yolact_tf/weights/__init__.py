"""Published weight files in, model variables out."""
