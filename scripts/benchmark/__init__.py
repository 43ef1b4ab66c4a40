"""Compares what the integration costs with what Home Assistant's own ways cost, side by side in one process."""
