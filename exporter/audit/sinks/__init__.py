"""Where records go: each sink has its own cursor, and none waits for another."""
