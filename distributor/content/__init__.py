"""Content files to issues: header and Markdown in, checked frozen values out."""
