"""What is known of people, agents, environments and Spaces, and since when."""
