"""The families of inverters that the programs know. To add one: its own file, and a line here."""

from baselines import options as baselines
from gan_inversion.cgan import options as cgan
from gan_inversion.inverters.families import Family, register

CONTROL_CLASSES = {
    "mean_face": "MeanFace",
    "nearest_face": "NearestFace",
    "ridge_pca": "RidgePCA",
    "random": "Random",
    "oracle": "Oracle",
    "translated": "Translated",
}

register(Family("own", {}, "gan_inversion.inverters.own:OwnInverter"))
for name, options in baselines.CONTROLS.items():
    register(Family(name, {name: options}, f"baselines.controls:{CONTROL_CLASSES[name]}"))
DECODER, TOGETHER = "baselines.inverter:DecoderInverter", "baselines.together:train_specs"
register(Family("documented", baselines.DOCUMENTED, DECODER, together=TOGETHER))
register(Family("private", baselines.PRIVATE, "baselines.private:PrivateInverter"))
register(Family("adapter", cgan.ADAPTERS, "gan_inversion.cgan.adapter:Adapter"))
register(
    Family("cgan", cgan.METHODS, "gan_inversion.cgan.inverter:ConditionalGAN", cgan.REHEARSALS)
)
