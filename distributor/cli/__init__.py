"""The command line: parse, run one operation, print."""
