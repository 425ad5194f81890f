"""`mlc lock` and `mlc datasets`: what the names of a project stand for today, asked of registries and repositories.

Nothing here is on the way of a compile: ordinary modern Python, imported by the two commands alone.
"""
