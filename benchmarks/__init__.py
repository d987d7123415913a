"""What it costs, as ratios to a limit that is measured in the same run: `python -m benchmarks`."""
