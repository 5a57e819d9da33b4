"""From somebody's files to a served answer, door by door."""
