"""A model in, pictures and numbers of how it decides out."""
