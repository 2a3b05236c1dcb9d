"""Speed and memory, measured: ``python -m benchmarks.ml20m``."""
