"""The documented MSE decoders and the controls they are measured against."""
