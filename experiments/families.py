"""The families of inverters that the programs know. To add one: its own file, and a line here."""

from baselines import options as baselines
from gan_inversion.cgan import presets as cgan
from gan_inversion.cgan.adapter_options import ADAPTERS
from gan_inversion.inverters.families import Family, register

GAN = "gan_inversion.cgan.inverter:ConditionalGAN"
DECODER, TOGETHER = "baselines.inverter:DecoderInverter", "baselines.together:train_specs"
DECODERS = "documented_decoder"

register(Family("own", {}, "gan_inversion.inverters.own:OwnInverter"))
for name, (kind, options) in baselines.CONTROLS.items():
    register(Family(name, {name: options}, f"baselines.controls:{kind}", group="control"))
register(Family("documented", baselines.DOCUMENTED, DECODER, together=TOGETHER, group=DECODERS))
register(Family("private", baselines.PRIVATE, "baselines.private:PrivateInverter"))
register(Family("adapter", ADAPTERS, "gan_inversion.cgan.adapter:Adapter"))
register(Family("cgan", cgan.METHODS, GAN, cgan.REHEARSALS, group="conditional_GAN"))
