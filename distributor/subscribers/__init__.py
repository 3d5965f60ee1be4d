"""Who gets it: lists, preferences, tokens and the store behind them."""
