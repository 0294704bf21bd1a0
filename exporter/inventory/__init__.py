"""``inventory``: which Spaces and which agents exist in which environment, once."""
