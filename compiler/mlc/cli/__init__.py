"""The command line: arguments, files, streams and exit codes. Nothing outside this package prints or exits; only `app` imports typer."""
