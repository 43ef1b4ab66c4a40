"""Messages between the bots of many homes, over MQTT 5."""
