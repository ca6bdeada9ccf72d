"""Protection: what a system stores instead of an embedding, and how it compares what it stores.

What is stored is called a template. A scheme has a file of its own in this folder, and a line in
`SCHEMES`.
"""

from gan_inversion.protection.none import Unprotected
from gan_inversion.protection.scheme import Scheme

SCHEMES: dict[str, Scheme] = {scheme.name: scheme for scheme in (Unprotected(),)}

__all__ = ["SCHEMES", "Scheme", "Unprotected"]
