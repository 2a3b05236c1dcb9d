"""Benchmarks against a straightforward reference, as ratios within one run."""
