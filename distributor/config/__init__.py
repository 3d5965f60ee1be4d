"""What staff decide: `distributor.toml` read, checked for shape and kept as it was written."""
