"""What the shop's pictures show: one drawing for each kind of thing, a file for each shelf.

A drawing is text, a shape a line, the lowest first, on a square of 400 by 400
with things standing at y = 318:

    COLOUR SHAPE NUMBERS        m rect 100 120 200 180 24    (x y width height corner)
                                a circle 200 200 60          (x y radius)
                                w ellipse 200 200 60 20      (x y radius radius)
                                k line 8 M200 100v40         (width, then an SVG path)
                                d path M90 90h40z            (an SVG path)
                                d poly 10,10 20,20 10,20     (points)
    turn -30                    all of it, about the middle, in degrees

Colours: m d l are the picture's main hue, its dark and its light; a b c the
same of its accent; and those that never change: w paper, k ink, g h metal
light and dark, t u wood light and dark, n o leaf light and dark, y gold,
f flame, r red, v water. `k/20` is 20 % opaque.
"""

from storefront.motifs import books, garden, home, kitchen, outdoors, pantry, parcels, toys, workshop

# By shelf (the slug of a category, or "parcels" for what has no drawing of its own), then by motif.
SHELVES: dict[str, dict[str, str]] = {
    "kitchen": kitchen.MOTIFS,
    "home": home.MOTIFS,
    "outdoors": outdoors.MOTIFS,
    "books": books.MOTIFS,
    "toys": toys.MOTIFS,
    "garden": garden.MOTIFS,
    "workshop": workshop.MOTIFS,
    "pantry": pantry.MOTIFS,
    "parcels": parcels.MOTIFS,
}
