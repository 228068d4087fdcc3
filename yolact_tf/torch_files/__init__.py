"""Weight files of PyTorch in, numpy arrays out; nothing that a file says is run."""
