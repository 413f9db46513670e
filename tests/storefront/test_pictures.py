import subprocess
import sys
from xml.etree import ElementTree

import pytest

from db.seed.categories import CATEGORIES
from db.seed.products import PRODUCTS
from storefront.motifs import SHELVES
from storefront.pictures import UnknownPicture, category_picture, draw, names, picture_for

SVG = "{http://www.w3.org/2000/svg}"
SHAPES = {"rect", "circle", "ellipse", "path", "polygon", "g"}
ATTRIBUTES = {
    *("x", "y", "width", "height", "rx", "ry", "cx", "cy", "r", "d", "points", "transform"),
    *("fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-linecap", "stroke-linejoin"),
}
# An icon is sent with every page that lists it.
MOST_BYTES = 6000


@pytest.mark.parametrize("name", names())
def test_every_picture_is_small_well_formed_svg_of_plain_shapes(name: str) -> None:
    text = draw(name)

    picture = ElementTree.fromstring(text)
    assert picture.tag == SVG + "svg"
    assert picture.get("viewBox") == "0 0 400 400"
    for element in list(picture.iter())[1:]:
        assert element.tag.removeprefix(SVG) in SHAPES
        assert set(element.attrib) <= ATTRIBUTES
        assert not (element.text or "").strip()
    assert "url(" not in text
    assert len(text.encode()) <= MOST_BYTES


def test_a_picture_covers_its_whole_square_so_that_no_page_shines_through() -> None:
    for name in names():
        ground = ElementTree.fromstring(draw(name))[0]
        assert (ground.get("width"), ground.get("height"), ground.get("fill-opacity")) == ("400", "400", None)


def test_no_two_pictures_of_one_motif_are_the_same_but_for_those_without_own_colours() -> None:
    drawn = {name: draw(name) for name in names()}

    # All lines of these have colours that never change: wood, metal, dough.
    plain = {
        motif
        for motifs in SHELVES.values()
        for motif, drawing in motifs.items()
        if not any(line.split()[0].split("/")[0] in set("mdlabc") for line in drawing.split("\n") if line.strip())
    }
    with_colours = {name: text for name, text in drawn.items() if name.rpartition("-")[0] not in plain}
    assert len(set(with_colours.values())) == len(with_colours)
    assert len(plain) <= 5


def test_there_are_plenty_of_motifs_and_every_shelf_has_its_own() -> None:
    assert sum(len(motifs) for motifs in SHELVES.values()) >= 60
    assert {category.slug for category in CATEGORIES} == set(SHELVES) - {"parcels"}


def test_every_seeded_product_and_category_has_its_picture_on_its_own_shelf() -> None:
    for product in PRODUCTS:
        assert product.picture in names()
        assert product.picture.rpartition("-")[0] in SHELVES[product.category.slug], product.title
    for category in CATEGORIES:
        assert category_picture(category.slug) == f"category-{category.slug}"
        assert draw(category_picture(category.slug))


def test_seeded_products_all_look_different() -> None:
    assert len({product.picture for product in PRODUCTS}) == len(PRODUCTS)


@pytest.mark.parametrize(
    "name",
    ["", "mug", "mug-0", "mug-9", "mug-01", "mug-1 ", "Mug-1", "mug-x", "category-", "category-parcels", "../etc"],
)
def test_an_unknown_name_is_refused_with_the_name(name: str) -> None:
    with pytest.raises(UnknownPicture) as unknown:
        draw(name)

    assert unknown.value.name == name


@pytest.mark.parametrize(
    ("title", "motif"),
    [
        ("Blue mug", "mug"),
        ("MUGS, a pair", "mug"),
        ("Garden map", "map"),
        ("Chess box", "chess"),
        ("Pencil", "pencils"),
    ],
)
def test_a_new_item_gets_the_motif_that_its_title_names(title: str, motif: str) -> None:
    assert picture_for(title).rpartition("-")[0] == motif


@pytest.mark.parametrize("title", ["", "Fnord", "謎の品", "💡", "x" * 120, "category-kitchen", "<script>"])
def test_any_other_title_gets_some_parcel(title: str) -> None:
    name = picture_for(title)

    assert name in names()
    assert name.rpartition("-")[0] in SHELVES["parcels"]


def test_parcels_differ_from_title_to_title() -> None:
    assert len({picture_for(f"Thing no. {number}") for number in range(200)}) > 30


def test_an_unknown_category_gets_a_parcel() -> None:
    assert category_picture("sellers-own") in names()


def test_another_process_chooses_and_draws_the_same() -> None:
    program = "from storefront.pictures import draw, picture_for; print(draw(picture_for('Fnord')))"

    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)

    assert other.stdout.strip() == draw(picture_for("Fnord"))
