"""Images and what was found in them in, pictures for people out."""
