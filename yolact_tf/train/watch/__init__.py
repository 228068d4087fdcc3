"""A training in, what a person sees of it out: logs, plots, pictures, progress, summary.html."""
