"""Template inversion: what a face embedding gives away, measured.

Images of a data set become embeddings by a frozen recogniser; inverters turn these back into
images; metrics compare, records keep what was measured, and tables and pages show the records.
"""

__version__ = "0.1.0"
