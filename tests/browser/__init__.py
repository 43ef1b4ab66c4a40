"""Tests that use the integration in a browser, as a person would."""
