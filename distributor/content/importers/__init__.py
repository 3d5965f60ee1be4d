"""Foreign documents to draft issues; the format's ugliness never leaves this folder."""
