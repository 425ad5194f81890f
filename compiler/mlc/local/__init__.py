"""`mlc run`: a project on this machine, with the meaning that it has on the engines. Nothing here is imported to compile."""
