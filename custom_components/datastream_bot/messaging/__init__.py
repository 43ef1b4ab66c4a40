"""Messages: what they are, who receives them, and how they get there."""
