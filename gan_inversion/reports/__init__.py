"""Reports: tables made from run records; they know no model."""
