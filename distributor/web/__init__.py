"""The pages that every mail links to, and the preview for staff."""
