"""Presence: who is home."""
