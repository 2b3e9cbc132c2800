"""What the trainings of all networks share."""
