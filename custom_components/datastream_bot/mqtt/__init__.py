"""Other homes, over MQTT."""
