"""Checks of outputs that share no code with the compiler."""
