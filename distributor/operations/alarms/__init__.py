"""What operators must know: looked for after each beat, kept as incidents, summed up for monitors."""
