"""Things of the kitchen and the table."""

MOTIFS: dict[str, str] = {
    "mug": """
        w line 9 M165 100c-16-20 16-28 0-50
        w line 9 M210 100c-16-20 16-28 0-50
        d line 26 M256 172h22a36 36 0 0 1 0 86h-26
        m path M110 132h154v130a54 54 0 0 1-54 54h-46a54 54 0 0 1-54-54z
        a path M110 196h154v38h-154z
        l/55 rect 128 158 16 112 8
        d ellipse 187 132 77 17
        u ellipse 187 134 63 11
    """,
    "torch": """
        f path M112 106c-34-4-62 8-82 22c20 14 48 26 82 22z
        y path M112 116c-22-2-38 5-50 12c12 7 28 14 50 12z
        h rect 106 100 38 56 8
        g path M140 96h134a20 20 0 0 1 20 20v32h-154z
        d rect 232 140 50 40 6
        m rect 212 172 90 146 22
        d rect 212 226 90 16 0
        l/55 rect 226 186 13 120 6
        k path M206 150h22v12c0 16-8 24-22 28z
        u ellipse 116 250 64 16
        w path M52 250h128l-14 56a16 16 0 0 1-16 12H82a16 16 0 0 1-16-12z
        y ellipse 116 250 64 15
        t ellipse 116 250 48 9
    """,
    "kettle": """
        d path M276 236l46-58 30 16-54 104z
        k line 17 M134 190a70 84 0 0 1 132 0
        m path M106 296c-14-66 16-128 94-128s108 62 94 128a26 26 0 0 1-26 22H132a26 26 0 0 1-26-22z
        d path M104 278h192a60 60 0 0 1-3 22a26 26 0 0 1-25 18H132a26 26 0 0 1-25-18a60 60 0 0 1-3-22z
        d path M156 172a44 30 0 0 1 88 0z
        k circle 200 138 14
        l/60 line 13 M140 254c0-26 10-42 28-54
    """,
    "pan": """
        k line 36 M250 150L326 74
        w/70 circle 324 76 8
        k circle 170 214 114
        h/45 circle 170 214 94
        w path M104 214c-4-46 44-64 82-50c30 12 62 18 58 58c-4 36-40 54-76 48c-40-6-62-20-64-56z
        y circle 172 212 30
        w/70 circle 162 202 8
        r circle 232 262 11
        r circle 214 278 8
    """,
    "knife": """
        turn -35
        g path M36 172h196v62H110c-40 0-62-24-74-62z
        w/55 path M36 172h196v16H42z
        h rect 228 166 20 74 5
        t path M246 170h96c18 0 28 14 28 32s-10 34-28 34h-96z
        u path M246 214h122c-4 14-13 22-26 22h-96z
        k circle 276 202 6
        k circle 318 202 6
    """,
    "bowl": """
        n circle 132 176 42
        o circle 192 152 50
        n circle 256 172 46
        r circle 158 166 25
        w/50 circle 151 158 7
        r circle 276 184 20
        y circle 222 176 20
        m path M78 200h244c0 70-44 112-86 112h-72c-42 0-86-42-86-112z
        d rect 150 300 100 18 9
        d rect 66 188 268 26 13
        l/50 line 12 M112 234c8 26 22 42 40 52
    """,
    "teapot": """
        k line 15 M116 200c-6-130 164-130 158 0
        d path M266 262c44-8 36-60 76-66l-6-22c-54-4-74 34-92 40z
        m ellipse 195 238 104 76
        d rect 148 304 94 14 7
        d ellipse 195 170 56 15
        k circle 195 150 14
        d circle 128 222 6
        d circle 158 212 6
        d circle 195 208 6
        d circle 232 212 6
        d circle 262 222 6
        d circle 140 248 6
        d circle 176 240 6
        d circle 214 240 6
        d circle 250 248 6
        l/55 line 11 M116 258c6 20 18 32 34 38
    """,
    "plate": """
        g line 12 M62 130v170
        g line 7 M46 100v40a16 16 0 0 0 32 0v-40
        g line 7 M62 100v40
        g path M330 100c20 10 26 60 20 110h-20z
        g line 12 M336 200v100
        h/40 circle 200 214 116
        w circle 200 208 116
        m circle 200 208 104
        w circle 200 208 92
        k/10 circle 200 208 70
        t rect 142 176 116 70 20
        y rect 150 168 100 58 16
        n circle 176 192 20
        r circle 224 190 19
        a circle 201 208 18
    """,
}
