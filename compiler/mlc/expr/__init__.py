"""The expression language `${{ ... }}`: `parse` reads it, `bind` gives its names a meaning and checks its types."""
