"""Benchmarks: each module with ``run()`` gives rows, figures beside a peer or a limit measured in the same run.

A row is a dict: what, value, unit, target (text, empty where there is none) and met. ``python -m bench [MODULE ...]`` runs them
one after the other and writes results.md.
"""
