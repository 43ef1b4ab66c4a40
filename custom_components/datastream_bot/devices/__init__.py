"""Devices: what a bot is attached to, and how that is switched, remembered and restored."""
