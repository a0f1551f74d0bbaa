class BenchmarkError(Exception):
    """What the user can mend; scripts print it without a traceback."""
