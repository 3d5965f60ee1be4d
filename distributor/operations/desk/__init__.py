"""The desk: documents that arrive, drafts, previews and approvals, and the letters that tell operators."""
