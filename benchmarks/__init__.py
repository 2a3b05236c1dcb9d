"""What the study exists for, against a straightforward reference, as ratios of one run: ``python -m benchmarks``."""
