"""The one loop, its checkpoints, schedules and seeds."""
