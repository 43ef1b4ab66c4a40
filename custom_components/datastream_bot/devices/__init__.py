"""Devices: the lights and switches that a bot controls."""
