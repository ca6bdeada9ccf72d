"""What every other package uses: errors, seeds, storage, progress, the run folder, the record."""
