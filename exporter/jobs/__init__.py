"""What repeats: the schedule, and the one thing most jobs are, a round of a collector."""
