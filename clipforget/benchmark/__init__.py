"""Many runs: comparisons, tuning, ablations, and the paper's tables."""
