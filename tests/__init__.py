"""Tests of Data Stream Bot."""
