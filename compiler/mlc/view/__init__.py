"""What people see of a run: a live view, a plain log, JSON lines, and the tables at its end. Pure: text goes to whoever called."""
