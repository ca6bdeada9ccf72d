"""The options of the adapter: what an attacker has of the victim's embeddings, and of his own."""

from dataclasses import dataclass
from typing import Literal

from gan_inversion.cgan.options import FAMILY


@dataclass(frozen=True)
class AdapterOptions:
    """How an attacker gets from the victim's embeddings to those of a recogniser of his own."""

    own: str = "mobilefacenet"
    """The attacker's own recogniser, given like a victim; he has its inside."""

    generator: str = f"{FAMILY}_late_cpu"
    """Method that he trained on his own recogniser with experiments.train, in the same `runs`."""

    leak: Literal["whole", "half", "quarter", "int8", "sign"] = "whole"
    """What he has of each of the victim's embeddings: all of it, every second or fourth number,
    numbers rounded to 255 steps, or only their signs."""

    @property
    def before(self) -> tuple[str, ...]:
        """Program and options that train his generator; its seed comes last."""
        return "train", self.generator, "--victim", self.own, "--seed"


ADAPTERS = {
    "adapter": AdapterOptions(),
    "adapter_facenet": AdapterOptions(own="facenet"),
    "adapter_committee": AdapterOptions(own="facenet", generator=f"{FAMILY}_committee_cpu"),
    "adapter_half": AdapterOptions(leak="half"),
    "adapter_quarter": AdapterOptions(leak="quarter"),
    "adapter_int8": AdapterOptions(leak="int8"),
    "adapter_sign": AdapterOptions(leak="sign"),
}
