"""The commands about runs on this machine: `run`, `runs`, `logs`, `metrics`. Nothing of it is imported for other commands."""
