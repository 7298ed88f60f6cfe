"""Queries, printed as SQL for one engine."""

from featurestore.compiler.printing.statements import (
    OVERFLOW,
    overflow_told,
    print_boundary_query,
    print_label_query,
    print_query,
    print_rows_query,
    print_stage,
    print_statement,
)

__all__ = [
    "OVERFLOW",
    "overflow_told",
    "print_boundary_query",
    "print_label_query",
    "print_query",
    "print_rows_query",
    "print_stage",
    "print_statement",
]
