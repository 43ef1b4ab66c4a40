"""The forms of the config flow."""
