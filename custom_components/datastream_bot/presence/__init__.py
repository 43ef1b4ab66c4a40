"""Presence: who is home, and when that has changed for sure."""
