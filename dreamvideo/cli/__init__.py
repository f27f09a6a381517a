"""The command line: parse, make settings, one call, an exit code. Nothing heavy is imported at the top."""
