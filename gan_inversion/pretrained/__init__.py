"""What is shipped trained: a conditional GAN that knows drawn faces only.

Of real faces nothing is published; `python -m experiments.train` trains on them.
"""

from pathlib import Path

SHIPPED = Path(__file__).parent / "cgan_drawn"  # laid out as the folder of a run
