"""The microservices that live in a bot."""
