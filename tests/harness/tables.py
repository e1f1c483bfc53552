"""Rows that tests make as a pandas table, for changing whole columns."""


def rows_of(table):
    """The rows as a store gives them: None where a number or a text is missing."""
    records = table.to_dict("records")
    return [{name: None if value != value else value for name, value in row.items()} for row in records]
