"""Tests in which Home Assistant runs in a process of its own."""
