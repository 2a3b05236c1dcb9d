"""Training: what the loop in ``trainer`` calls by name."""
