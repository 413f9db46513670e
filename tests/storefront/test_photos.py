"""Pictures that sellers send: only real ones, made anew, in two sizes; too large a file loses nothing of a form."""

import random
from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import Engine, func, select

from db.shop.catalogue import Offer, Product, ProductPhoto
from storefront import uploads
from storefront.photos.developing import NotAPhoto, develop
from tests.storefront.visitor import Visitor

ITEM = {"title": "Blue bowl", "description": "Glazed.", "category": "1", "price_cents": "12.50", "quantity": "20"}
RED, BLUE = (200, 40, 40), (40, 40, 200)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough here: photos are rows like others."""
    return sqlite_url


@pytest.fixture
def seller(visitor: Visitor, put_stock: Callable[..., None]) -> Visitor:
    put_stock(1, available=1)
    visitor.register()
    return visitor.get("/sell").submit("/sell", display_name="Ann's bowls")


def drawn(kind: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (400, 300), **how: object) -> bytes:
    out = BytesIO()
    Image.new(mode, size, RED if mode == "RGB" else 0).save(out, kind, **how)
    return out.getvalue()


def sent(content: bytes, name: str = "bowl.png") -> tuple[BytesIO, str]:
    return BytesIO(content), name


def picture_of_newest(engine: Engine) -> str:
    with engine.connect() as connection:
        newest = select(func.max(Offer.product_id)).scalar_subquery()
        return connection.execute(select(Product.picture).where(Product.id == newest)).scalar_one()


def seen(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


def close_to(pixel: object, colour: tuple[int, int, int]) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(one - other) < 12 for one, other in zip(pixel, colour, strict=True))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1", "I;16"])
def test_pictures_of_every_mode_become_opaque_webp(mode: str) -> None:
    photo = develop(BytesIO(drawn(mode=mode)))
    assert (seen(photo.large).format, seen(photo.large).mode) == ("WEBP", "RGB")


def test_a_photo_comes_in_two_sizes_with_its_proportions() -> None:
    photo = develop(BytesIO(drawn("JPEG", size=(3000, 1500))))
    assert (seen(photo.large).size, seen(photo.small).size) == ((960, 480), (320, 160))


def test_a_small_picture_is_not_blown_up() -> None:
    assert seen(develop(BytesIO(drawn(size=(100, 80)))).large).size == (100, 80)


def test_nothing_of_the_file_but_its_pixels_is_kept_and_it_stands_upright() -> None:
    turned = Image.new("RGB", (300, 200), BLUE)
    turned.paste(RED, (0, 0, 150, 200))
    notes = Image.Exif()
    notes[0x0112] = 6  # turn it by 90 degrees to see it
    notes[0x010F] = "A camera with a name"
    out = BytesIO()
    turned.save(out, "JPEG", exif=notes, comment=b"a secret", quality=95)
    assert b"A camera with a name" in out.getvalue()

    photo = develop(out)

    for content in (photo.large, photo.small):
        assert not any(note in content for note in (b"A camera with a name", b"a secret", b"EXIF", b"ICCP", b"XMP"))
    large = seen(photo.large)
    assert large.size == (200, 300)
    assert close_to(large.getpixel((100, 40)), RED)
    assert close_to(large.getpixel((100, 260)), BLUE)


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a" + bytes(40), drawn("GIF"), drawn("BMP")],
)
def test_what_is_no_photo_is_refused_whatever_it_is_called(content: bytes) -> None:
    with pytest.raises(NotAPhoto, match="JPEG, PNG or WebP"):
        develop(BytesIO(content))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("size", [(7000, 6000), (12_000, 9_000), (20_000, 20_000)])
def test_a_small_file_of_very_many_pixels_is_refused_before_it_is_decoded(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = drawn(mode="1", size=size)
    assert len(bomb) < 200_000
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("it was decoded"))
    with pytest.raises(NotAPhoto, match="at most 36 million"):
        develop(BytesIO(bomb))


def test_a_picture_that_is_too_small_to_see_is_refused() -> None:
    with pytest.raises(NotAPhoto, match="10 by 300 pixels"):
        develop(BytesIO(drawn(size=(10, 300))))


@pytest.mark.filterwarnings("ignore")
def test_a_spoilt_file_is_a_photo_or_refused_and_never_anything_else() -> None:
    rng = random.Random(20)
    whole = [drawn("JPEG"), drawn(mode="P"), drawn("WEBP", "RGBA"), drawn()]
    for _ in range(600):
        spoilt = bytearray(rng.choice(whole))
        for _ in range(rng.choice((1, 3, 20))):
            spoilt[rng.randrange(min(len(spoilt), 300))] = rng.randrange(256)
        try:
            develop(BytesIO(bytes(spoilt[: rng.randrange(1, len(spoilt) + 1)])))
        except NotAPhoto:
            continue


def test_a_new_item_has_the_photo_that_came_with_it(seller: Visitor, engine: Engine) -> None:
    seller.get("/sell/items/new").submit("/sell/items/new", **ITEM, photo=sent(drawn()))
    name = picture_of_newest(engine)
    assert name.startswith("photo-")
    assert f"/photos/small/{name}.webp" in seller.get("/products?q=bowl").response.get_data(as_text=True)
    answer = seller.client.get(f"/photos/large/{name}.webp")
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in answer.headers
    assert close_to(seen(answer.get_data()).getpixel((9, 9)), RED)


def test_a_photo_is_changed_kept_and_given_up_for_a_drawing(seller: Visitor, engine: Engine) -> None:
    seller.get("/sell/items/new").submit("/sell/items/new", **ITEM, photo=sent(drawn()))
    first = picture_of_newest(engine)
    offer = seller.get("/sell/items").page.links
    edit = next(link for link in offer if link.endswith("/edit"))
    seller.get(edit).submit("/edit", title="Red bowl")
    assert picture_of_newest(engine) == first
    seller.get(edit).submit("/edit", photo=sent(drawn("JPEG", size=(200, 200)), "x.exe"))
    second = picture_of_newest(engine)
    assert second.startswith("photo-")
    assert seller.client.get(f"/photos/small/{first}.webp").status_code == 404
    assert seller.client.get(f"/photos/small/{second}.webp").status_code == 200
    seller.get(edit).submit("/edit", drawn="y")
    assert picture_of_newest(engine).startswith("bowl-")
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(ProductPhoto)).scalar() == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.4 no picture", "This is no picture that we can read. Send a JPEG, PNG or WebP file."),
        (drawn(size=(9, 9)), "it needs 64 by 64 at the least"),
        (b"\r\n" * (25 * 1024 * 1024), "This file has 50 MB; at most 10 MB are fine. Send a smaller one."),
    ],
)
def test_a_file_that_cannot_be_is_told_beside_its_field_and_loses_nothing(
    seller: Visitor, engine: Engine, content: bytes, words: str
) -> None:
    before = picture_of_newest(engine)
    seller.get("/sell/items/new").submit("/sell/items/new", **ITEM, photo=sent(content))
    # The test's own browser leaves what it sent open.
    seller.response.request.environ["wsgi.input"].close()
    assert seller.status == 422
    assert seller.sees(words)
    kept = seller.page.forms[-1].values
    assert (kept["title"], kept["description"].strip(), kept["price_cents"]) == ("Blue bowl", "Glazed.", "12.50")
    assert picture_of_newest(engine) == before


def test_a_good_picture_beside_a_bad_field_is_to_be_chosen_again(seller: Visitor) -> None:
    seller.get("/sell/items/new").submit("/sell/items/new", **{**ITEM, "title": ""}, photo=sent(drawn()))
    assert seller.sees("Please choose the picture again")


def test_a_photo_of_a_camera_is_taken(seller: Visitor, engine: Engine) -> None:
    # As many bytes, and of every kind, line breaks among them.
    noise, out = random.Random(1).randbytes(3 * 640 * 640), BytesIO()
    Image.frombytes("RGB", (640, 640), noise).save(out, "JPEG", quality=90)
    assert out.tell() > 300_000
    seller.get("/sell/items/new").submit("/sell/items/new", **ITEM, photo=sent(out.getvalue(), "bowl.jpg"))
    assert seller.sees("Blue bowl is in the shop")
    assert picture_of_newest(engine).startswith("photo-")


@pytest.mark.parametrize("who", ["guest", "shopper"])
def test_only_sellers_send_files(visitor: Visitor, who: str) -> None:
    if who == "shopper":
        visitor.register()
    assert visitor.client.post("/sell/items/new", data={"photo": sent(bytes(100_000))}).status_code == 413


def test_more_than_anybody_may_send_is_refused_unread(seller: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_BYTES", 100_000)
    answer = seller.client.post("/sell/items/new", data={"photo": sent(bytes(200_000))})
    assert answer.status_code == 413
    assert "send a smaller file" in answer.get_data(as_text=True)


@pytest.mark.parametrize("path", [f"large/photo-1-{'0' * 16}", f"huge/photo-1-{'0' * 16}", "small/..", "small/x"])
def test_a_photo_that_never_was_is_not_found(visitor: Visitor, path: str) -> None:
    assert visitor.get(f"/photos/{path}.webp").status == 404
