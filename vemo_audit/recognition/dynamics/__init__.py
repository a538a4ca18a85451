"""What happens over time, from predictions alone: no tensor library here."""
