"""What forms show."""

from typing import Any


def suggested(form: Any) -> dict[str, Any]:
    """Return what the fields of a form show before the user changes anything."""
    return {
        str(field): field.description["suggested_value"]
        for field in form["data_schema"].schema
        if field.description and "suggested_value" in field.description
    }
