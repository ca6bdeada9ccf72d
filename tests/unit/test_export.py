"""What is written for others: names of files, and cells of tables that hold anything."""

from gan_inversion.protocols.inversion.export import png_names
from gan_inversion.reporting.table import Table


def test_two_images_that_differ_in_their_ending_only_are_both_kept():
    names = png_names(["p/0.jpeg", "p/0.png", "p/1.jpg"])
    assert names == {"p/0.jpeg": "p/0.jpeg.png", "p/0.png": "p/0.png.png", "p/1.jpg": "p/1.png"}


def test_no_text_breaks_out_of_its_cell():
    text = "a\\b | <script>alert(1)</script> 50% x_y ~ ^ \n{z}"
    table = Table("any", "A caption.", ["method", "figure"], [[text, "1"]])
    line = table.markdown().splitlines()[-1]
    assert line.count(" | ") == 1 and line.count("\\|") == 1 and "<script>" not in line
    latex = table.latex()
    assert r"a\textbackslash{}b" in latex and r"50\% x\_y" in latex and r"\{z\}" in latex
    assert r"\textasciitilde{} \textasciicircum{}" in latex
