"""What everything stands on: errors, seeds, storage, progress, the run folder, the record."""
