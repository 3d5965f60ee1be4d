"""What stays running: the daemon, its beats, the settings it reloads, the clock it watches."""
