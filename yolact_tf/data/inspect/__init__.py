"""A data folder in, what a person should know of it out: faults, mended copies, counts, pictures."""
