"""Rules over history: a typed tree becomes one Polars expression that means exactly what its closure means.

`compiling` makes the expression, `arithmetic` its sums, products and quotients, `columns` the columns it reads, and
`facts` answers the closed catalogue of facts from tables.
"""

from projections.rule_columns.columns import column_name, column_of, column_of_json, columns_of, fields_asked
from projections.rule_columns.compiling import compile_columns, judged
from projections.rule_columns.facts import FactTables, facts_asked, with_facts

__all__ = [
    "FactTables",
    "column_name",
    "column_of",
    "column_of_json",
    "columns_of",
    "compile_columns",
    "facts_asked",
    "fields_asked",
    "judged",
    "with_facts",
]
