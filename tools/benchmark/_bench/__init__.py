"""The benchmark: suites of runs, their results, and the paper's tables.

``suite`` and ``runs`` say what is to be run, ``execute`` runs it, ``results``
reads what came out, ``summary``, ``tables``, ``claims`` and ``figures`` make
something of it. docs/benchmark.md is the guide.
"""
