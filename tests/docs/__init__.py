"""The documentation: its pages run as they are written."""
