"""The programs: options, one call, one sentence at the end."""

from experiments import families  # noqa: F401 - registers the inverters
