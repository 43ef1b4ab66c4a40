"""The ways into a bot from outside Home Assistant."""
