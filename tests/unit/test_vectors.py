"""Tables of vectors, in the formats that people bring."""

import io
import json
import zipfile

import numpy as np
import pytest

from gan_inversion.core.errors import UserError
from gan_inversion.data.vectors import read_vectors
from gan_inversion.protocols.inversion.photographs import distinct

VECTORS = np.random.default_rng(0).standard_normal((4, 6)).round(4)
NAMES = ["anna", "bert", "carla", "dora"]
NUMBERS = [str(place) for place in range(4)]
LISTS = [[name, json.dumps(row)] for name, row in zip(NAMES, VECTORS.tolist(), strict=True)]
NAMED = [[name, *row] for name, row in zip(NAMES, VECTORS.tolist(), strict=True)]


def text(rows, separator=","):
    return "\n".join(separator.join(map(str, row)) for row in rows)


TEXTS = {
    "plain": (text(VECTORS), NUMBERS),
    "with a mark and CRLF": ("\ufeff" + text(VECTORS).replace("\n", "\r\n"), NUMBERS),
    "tabs": (text(VECTORS, "\t"), NUMBERS),
    "spaces, of numpy.savetxt": (text(VECTORS, " "), NUMBERS),
    "a header": (text([[f"v{place}" for place in range(6)], *VECTORS]), NUMBERS),
    "a header of numbers": (text([range(6), *VECTORS]), NUMBERS),
    "names": (text(NAMED), NAMES),
    "names and a header": (text([["name", *"abcdef"], *NAMED]), NAMES),
    "decimal commas": (text(VECTORS, ";").replace(".", ","), NUMBERS),
    "a cell of lists": ("name\tvector\n" + text(LISTS, "\t"), NAMES),
    "lists alone": (text([[row[1]] for row in LISTS], "\t"), NUMBERS),
    "an index of pandas": (
        text([["", *"abcdef"], *([p, *row] for p, row in enumerate(VECTORS))]),
        NUMBERS,
    ),
    "an index below numbers": (
        text([["", *range(6)], *([p, *r] for p, r in enumerate(VECTORS))]),
        NUMBERS,
    ),
    "ids that are numbers": (
        text([["id", *"abcdef"], *([p, *r] for p, r in enumerate(VECTORS))]),
        NUMBERS,
    ),
    "one vector": (text(VECTORS[:1]), ["0"]),
    "a column of files above numbers": (text([["filename", *range(6)], *NAMED]), NAMES),
    "columns counted from one": (text([range(1, 7), *VECTORS]), NUMBERS),
    "numbers of people": (
        text([["person_id", *"abcdef"], *([p, *row] for p, row in enumerate(VECTORS))]),
        NUMBERS,
    ),
    "a label at the end": (
        text([[*"abcdef", "label"], *([*row, p] for p, row in enumerate(VECTORS))]),
        NUMBERS,
    ),
    "an index of pandas, tabs": (
        text([["", *"abcdef"], *([p, *row] for p, row in enumerate(VECTORS))], "\t"),
        NUMBERS,
    ),
    "index and names of pandas": (
        text([["", "name", *"abcdef"], *([p, *row] for p, row in enumerate(NAMED))]),
        NAMES,
    ),
    "of R": (
        text([[f'"V{p}"' for p in range(6)], *([f'"{n}"', *row] for n, *row in NAMED)], " "),
        NAMES,
    ),
    "decimal commas and tabs": (text(VECTORS, "\t").replace(".", ","), NUMBERS),
    "decimal commas in quotes": (
        text([[f'"{value}"'.replace(".", ",") for value in row] for row in VECTORS]),
        NUMBERS,
    ),
    "lists behind a semicolon": ("name;vector\n" + text(LISTS, ";"), NAMES),
    "lists of NumPy": (text([[n, str(row).replace(",", "")] for n, row in LISTS], ";"), NAMES),
    "names with spaces": (
        text([[f"{name} van Dam", *row] for name, *row in NAMED], ", "),
        [f"{name} van Dam" for name in NAMES],
    ),
    "names with commas": (
        text([[f"{name}, A.", *row] for name, *row in NAMED], ";")
        .replace(".", ",")
        .replace("A,", "A."),
        [f"{name}, A." for name in NAMES],
    ),
    "numpy.savetxt with a width": (text([[f"{v:9.4f}" for v in r] for r in VECTORS], " "), NUMBERS),
    "a separator at the end": (text([[*row, ""] for row in VECTORS], ";"), NUMBERS),
    "Excel's first line": ("sep=;\n" + text(VECTORS, ";").replace(".", ","), NUMBERS),
    "a comment": ("# a b c\n" + text(VECTORS, " "), NUMBERS),
    "numbered names": (
        text([[f"subject_{p}", *row] for p, row in enumerate(VECTORS)]),
        [f"subject_{p}" for p in range(4)],
    ),
    "names behind a hash": (
        text([[f"#{p}", *row] for p, row in enumerate(VECTORS)]),
        [f"#{p}" for p in range(4)],
    ),
    "names with brackets": (
        text([[f"{name} [1]", *row] for name, *row in NAMED]),
        [f"{name} [1]" for name in NAMES],
    ),
    "titles with brackets": (text([[f"v[{p}]" for p in range(6)], *VECTORS]), NUMBERS),
    "titles of classes": (text([[f"class_{p}" for p in range(6)], *VECTORS]), NUMBERS),
    "a merged title": ("name,embedding,,,,,\n" + text(NAMED), NAMES),
    "a title alone, names with spaces": (
        "Embeddings\n" + text([[f"{name} Smith", *row] for name, *row in NAMED]),
        [f"{name} Smith" for name in NAMES],
    ),
    "a separator at the end of the header": (text([[*"abcdef", ""], *VECTORS]), NUMBERS),
    "an index above a label": (
        text([["", *"abcdef", "label"], *([*row, 3] for row in NAMED)]),
        NAMES,
    ),
    "labels before files": (
        text([["label", "file", *"abcdef"], *([3, *row] for row in NAMED)]),
        NAMES,
    ),
    "spaces at the end": (text([[*row, ""] for row in VECTORS], " "), NUMBERS),
    "lists of texts": (
        "name,vector\n"
        + text(
            [
                [n, '"' + json.dumps([str(v) for v in json.loads(row)]).replace('"', '""') + '"']
                for n, row in LISTS
            ]
        ),
        NAMES,
    ),
}


@pytest.mark.parametrize("case", TEXTS)
@pytest.mark.parametrize("ending", [".csv", ".TXT"])
def test_text(tmp_path, case, ending):
    content, expected = TEXTS[case]
    path = tmp_path / f"table{ending}"
    path.write_bytes(content.encode())
    names, vectors = read_vectors(path)
    np.testing.assert_allclose(vectors, VECTORS[: len(names)])
    assert names == expected


def test_a_membership_may_be_true_and_false(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    inside = np.array([[True, False], [False, True], [True, True]])
    (tmp_path / "words.csv").write_text(text(inside))
    (tmp_path / "headed.csv").write_text("a,b\n" + text(inside))
    (tmp_path / "numbers.csv").write_text(text(inside[1:].astype(int)))
    parquet.write_table(
        arrow.table({"a": inside[:, 0], "b": inside[:, 1]}), tmp_path / "columns.parquet"
    )
    for name in ("words.csv", "headed.csv", "columns.parquet"):
        np.testing.assert_array_equal(read_vectors(tmp_path / name)[1], inside)
    np.testing.assert_array_equal(read_vectors(tmp_path / "numbers.csv")[1], inside[1:])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("loss 1\n-1.5\n-2.5", [[-1.5], [-2.5]]),
        ("model 0\n1\n0", [[1], [0]]),
        ("1,5;2,5\n3,5;4,5", [[1.5, 2.5], [3.5, 4.5]]),
        ("image,m 0,m 1\na 1.jpg,True,False\nb 2.jpg,False,True", [[1, 0], [0, 1]]),
        ("a label b\n1\n0", [[1], [0]]),
        ("anna,0,1,2\nbert,3,4,5", [[0, 1, 2], [3, 4, 5]]),
        ("a,b,label\n1,2,\n3,4,", [[1, 2], [3, 4]]),
        ("a,b,c,\n1,2,3\n4,5,6", [[1, 2, 3], [4, 5, 6]]),
        ("file name,a,b\n1,.5,1\n2,.5,2", [[0.5, 1], [0.5, 2]]),
        ('"b, A" false\n"c, D" true', [[0], [1]]),
        ('"a","b" \n"1","2"\n"3","4" ', [[1, 2], [3, 4]]),
        ("dim 0\n  -1.5\n   1.5", [[-1.5], [1.5]]),
    ],
)
def test_small_tables(tmp_path, content, expected):
    (tmp_path / "table.csv").write_text(content)
    assert read_vectors(tmp_path / "table.csv")[1].tolist() == expected


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "expected rows of numbers, found none"),
        (b"only words\nand more words", "expected rows of numbers|is not all numbers"),
        (b"1,2,3\n4,5", r"expected vectors of one length, got \[2, 3\]"),
        (b"0.1,0.2\n0.3", "expected vectors of one length"),
        (b"[1" + b"0" * 400 + b", 2]", "is not all numbers"),
        (b"1,2\n3,x", "row 2 of the vectors is not all numbers"),
        (b"\x80\x04\x95\x00\x00", "is not a text file"),
        (b"a\t" + b"[" * 100_000, "is not all numbers"),
        (b"a,b,c\n1,NA,3\n4,NA,6", "row 1 of the vectors is not all numbers"),
        (b"a,b,c\n1,,3\n4,,6", "row 1 of the vectors is not all numbers"),
        (b"a;0,1;0,2\nb;0,1;0,2;0,3\nc;0,1;0,2;0,3", r"of one length, got \[3, 4\]"),
        (b"True,False\nTrue,True,False", r"of one length, got \[2, 3\]"),
        (b'id,a,b\nx,"1,234",999.5', "expected one decimal sign, got commas and '999.5'"),
        (b"a,b,label\n1,2,x\n3,4", r"of one length, got \[2, 3\]"),
        (b"#DIV/0!,0.5\n0.5,0.5", r"line 1: expected numbers, got a table's #DIV/0!"),
        (b"a,b\n\n1,#N/A\n", r"line 3: expected numbers, got a table's #N/A"),
        (b"0.5,0.5\nn/a,0.5", "expected numbers in the first column, got 'n/a'"),
    ],
)
def test_other_text_is_a_sentence(tmp_path, content, sentence):
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_vectors(tmp_path / "table.csv")


def test_parquet(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    tables = {
        "lists": {"id": NAMES, "embedding": VECTORS.tolist()},
        "columns": {"name": NAMES, **{f"v{p}": VECTORS[:, p] for p in range(6)}},
    }
    for kind, columns in tables.items():
        parquet.write_table(arrow.table(columns), tmp_path / f"{kind}.parquet")
        names, vectors = read_vectors(tmp_path / f"{kind}.parquet")
        np.testing.assert_allclose(vectors, VECTORS)
        assert names == NAMES
    fixed = arrow.FixedSizeListArray.from_arrays(VECTORS.astype("float32").ravel(), 6)
    parquet.write_table(arrow.table({"vector": fixed}), tmp_path / "fixed.parquet")
    np.testing.assert_allclose(read_vectors(tmp_path / "fixed.parquet")[1], VECTORS, atol=1e-6)
    several = {
        "boxes": {"bbox": [[1, 2, 3, 4]] * 4, **{f"v{p}": VECTORS[:, p] for p in range(6)}},
        "points": {"kps": VECTORS.tolist(), "pose": VECTORS.tolist()},
    }
    for kind, columns in several.items():
        parquet.write_table(arrow.table(columns), tmp_path / f"{kind}.parquet")
        with pytest.raises(UserError, match=r"expected one column of vectors, got (bbox, 6|kps)"):
            read_vectors(tmp_path / f"{kind}.parquet")
    tables = {
        "ids": {"person_id": range(4), **{f"v{p}": VECTORS[:, p] for p in range(6)}},
        "scores": {"emb": VECTORS.tolist(), "age": range(4)},
    }
    for kind, columns in tables.items():
        parquet.write_table(arrow.table(columns), tmp_path / f"{kind}.parquet")
        names, vectors = read_vectors(tmp_path / f"{kind}.parquet")
        np.testing.assert_allclose(vectors, VECTORS)
        assert names == NUMBERS
    many = arrow.FixedSizeListArray.from_arrays(arrow.array(np.zeros(20_000_000, "f4")), 2_000_000)
    with parquet.ParquetWriter(tmp_path / "bomb.parquet", arrow.schema({"e": many.type})) as file:
        for _ in range(3):
            file.write_table(arrow.table({"e": many}))
    with pytest.raises(UserError, match="has 60,000,000 values, more than 50,000,000"):
        read_vectors(tmp_path / "bomb.parquet")
    refused = {"ragged": {"vector": [[1.0, 2.0], [3.0]]}, "words": {"word": NAMES}}
    for kind, columns in refused.items():
        parquet.write_table(arrow.table(columns), tmp_path / f"{kind}.parquet")
        with pytest.raises(UserError, match="expected vectors of one length"):
            read_vectors(tmp_path / f"{kind}.parquet")
    (tmp_path / "no.parquet").write_bytes(b"PAR1 and nothing")
    with pytest.raises(UserError, match="is not a readable Parquet file"):
        read_vectors(tmp_path / "no.parquet")


def test_flat_indexes_of_faiss(tmp_path):
    faiss = pytest.importorskip("faiss")
    for kind in (faiss.IndexFlatIP, faiss.IndexFlatL2):
        index = kind(6)
        index.add(VECTORS.astype("float32"))
        faiss.write_index(index, str(tmp_path / "gallery.faiss"))
        names, vectors = read_vectors(tmp_path / "gallery.faiss")
        np.testing.assert_allclose(vectors, VECTORS, atol=1e-6)
        assert names == NUMBERS
    whole = (tmp_path / "gallery.faiss").read_bytes()
    lying = whole[:37] + (600_000_000).to_bytes(8, "little")
    (tmp_path / "lying.faiss").write_bytes(lying)
    with pytest.raises(UserError, match="it is shorter than it says"):
        read_vectors(tmp_path / "lying.faiss")
    (tmp_path / "cut.faiss").write_bytes(whole[:60])
    with pytest.raises(UserError, match="is not a readable FAISS index"):
        read_vectors(tmp_path / "cut.faiss")
    other = faiss.IndexHNSWFlat(6, 4)
    other.add(VECTORS.astype("float32"))
    faiss.write_index(other, str(tmp_path / "graph.index"))
    with pytest.raises(UserError, match="expected a flat FAISS index"):
        read_vectors(tmp_path / "graph.index")


def test_other_files_are_a_sentence(tmp_path):
    with pytest.raises(UserError, match="found no file"):
        read_vectors(tmp_path / "none.csv")
    (tmp_path / "table.xlsx").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"expected vectors as \.npy, .* got '\.xlsx'"):
        read_vectors(tmp_path / "table.xlsx")


def test_names_of_rows_become_file_names_each_once():
    names = ["Anna", "Anna", "../../etc/passwd", "", "a/b", "x" * 300, "Zoë"]
    made = distinct(names)
    assert len(set(made)) == len(made) and made[-1] == "Zoë"
    for clash in (["", "0"], ["a", "a", "a-1"], ["a-0", "a", "a"]):
        assert len(set(distinct(clash))) == len(clash)
    assert all(name and "/" not in name and len(name) < 100 for name in made)
    assert not any(name.startswith(".") for name in made)


def test_names_of_an_archive(tmp_path):
    np.savez(tmp_path / "text.npz", embeddings=VECTORS, names=np.array(NAMES))
    np.savez(tmp_path / "bytes.npz", embeddings=VECTORS, names=np.array([b"\xe9", *"bcd"], "S"))
    np.save(tmp_path / "names.npy", VECTORS)
    assert read_vectors(tmp_path / "text.npz")[0] == NAMES
    assert read_vectors(tmp_path / "bytes.npz")[0][1:] == ["b", "c", "d"]
    assert read_vectors(tmp_path / "names.npy")[0] == NUMBERS
    for names in (NAMES[:2], [[name] for name in NAMES], [1.5] * len(NAMES)):
        np.savez(tmp_path / "other.npz", embeddings=VECTORS, names=np.array(names))
        with pytest.raises(UserError, match="expected a text or number for each of 4 vectors"):
            read_vectors(tmp_path / "other.npz")


def test_archives_that_unpack_to_far_more_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_BZIP2) as archive:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f4", "fortran_order": False, "shape": (1000, 75_000)}
        )
        archive.writestr("embeddings.npy", header.getvalue() + bytes(300_000_000))
    with pytest.raises(UserError, match=r"unpacks to 300,\d+,\d+ bytes, far more than its size"):
        read_vectors(tmp_path / "bomb.npz")
    with zipfile.ZipFile(tmp_path / "letter.npz", "w") as archive:
        archive.writestr("hello.txt", "no array")
    with pytest.raises(UserError, match="expected arrays only"):
        read_vectors(tmp_path / "letter.npz")
