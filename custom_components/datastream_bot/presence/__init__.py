"""Presence: who is home, when that has changed for sure, and what keeps a bot from knowing it."""
