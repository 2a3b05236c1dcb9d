"""The parts of a training that the loop in ``trainer`` calls by name."""
