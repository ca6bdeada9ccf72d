"""Programs: each module is one experiment, run as `python -m experiments.<name>`."""
