"""The protocols, one folder each: declared rules, how they are run, and the figures they give."""

from gan_inversion.data.weights import INDEPENDENT
from gan_inversion.protocols.base import Protocol, near_duplicates
from gan_inversion.protocols.documented.rules import Documented
from gan_inversion.protocols.faces.rules import Faces
from gan_inversion.protocols.inversion.rules import Inversion, Split, read_split
from gan_inversion.protocols.membership.rules import Membership, Pool
from gan_inversion.protocols.search.rules import Search
from gan_inversion.protocols.speed.rules import Speed
from gan_inversion.protocols.verification.rules import Verification

__all__ = [
    "INDEPENDENT",
    "Documented",
    "Faces",
    "Inversion",
    "Membership",
    "Pool",
    "Protocol",
    "Search",
    "Speed",
    "Split",
    "Verification",
    "near_duplicates",
    "read_split",
]
