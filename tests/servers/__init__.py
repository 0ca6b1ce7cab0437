"""Real servers for tests, as pytest plugins with session-wide fixtures."""
