"""Word documents: the package opened with care, pieces in reading order, titles by their looks, articles."""
