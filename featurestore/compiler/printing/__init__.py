"""Queries, printed as SQL for one engine."""

from featurestore.compiler.printing.rows import source_relation
from featurestore.compiler.printing.statements import OVERFLOW, print_boundary_query, print_label_query, print_query

__all__ = ["OVERFLOW", "print_boundary_query", "print_label_query", "print_query", "source_relation"]
