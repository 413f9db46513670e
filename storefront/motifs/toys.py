"""Toys and games."""

MOTIFS: dict[str, str] = {
    "train": """
        w circle 118 66 17
        w circle 148 92 23
        w circle 96 92 14
        k path M112 118h56l-12 66h-32z
        m rect 86 172 150 106 22
        l/55 rect 104 188 96 15 7
        d rect 222 112 92 166 12
        w rect 240 138 56 54 8
        k rect 208 96 120 24 12
        y circle 186 166 19
        u rect 74 264 256 20 8
        a poly 78,284 46,316 108,316
        b circle 146 288 31
        y circle 146 288 12
        b circle 214 288 31
        y circle 214 288 12
        b circle 286 288 31
        y circle 286 288 12
    """,
    "ball": """
        turn 24
        w circle 200 204 116
        m path M200 88A116 116 0 0 0 200 320A76 116 0 0 1 200 88z
        a path M200 88A32 116 0 0 0 200 320A32 116 0 0 0 200 88z
        y path M200 88A116 116 0 0 1 200 320A76 116 0 0 0 200 88z
        d/20 path M200 88A116 116 0 0 1 200 320A100 116 0 0 0 200 88z
        w ellipse 200 97 24 9
        w/60 line 12 M124 168a88 88 0 0 1 34-46
    """,
    "kite": """
        turn 24
        k line 4 M200 266c-34 22 34 40 0 62s-10 30 4 44
        c poly 200,320 176,308 176,334
        a poly 200,320 224,308 224,334
        a poly 202,366 180,352 182,380
        c poly 202,366 226,354 222,380
        m poly 200,30 200,150 104,150
        a poly 200,30 296,150 200,150
        y poly 104,150 200,150 200,288
        d poly 296,150 200,150 200,288
        k line 5 M200 30v258
        k line 5 M104 150h192
    """,
    "robot": """
        k line 7 M200 92V62
        a circle 200 54 13
        h line 28 M108 204v56
        h line 28 M292 204v56
        g circle 108 276 19
        g circle 292 276 19
        h rect 142 280 46 38 8
        h rect 212 280 46 38 8
        d rect 180 160 40 24 0
        m rect 132 84 136 88 20
        w circle 170 124 23
        w circle 230 124 23
        k circle 174 126 10
        k circle 226 126 10
        k line 7 M178 156h44
        m rect 122 178 156 112 18
        d rect 122 268 156 22 10
        w rect 146 198 108 50 10
        a circle 172 223 13
        y circle 202 223 13
        n circle 232 223 13
        l/60 rect 146 96 44 9 4
    """,
    "blocks": """
        m rect 70 220 86 98 8
        l/50 rect 80 230 14 78 7
        a path M166 220h110a8 8 0 0 1 8 8v90h-32v-24a28 28 0 0 0-56 0v24h-38v-90a8 8 0 0 1 8-8z
        y rect 294 250 54 68 8
        d rect 96 152 62 62 6
        n circle 322 222 28
        c rect 170 152 116 62 8
        t poly 98,148 156,148 127,88
        m path M170 148a58 58 0 0 1 116 0z
        d path M200 148a28 28 0 0 1 56 0z
    """,
    "puzzle": """
        m rect 88 88 110 110 10
        a rect 202 88 110 110 10
        y rect 88 202 110 110 10
        d rect 202 202 110 110 10
        m circle 204 142 24
        a circle 258 204 24
        d circle 196 256 24
        y circle 142 196 24
        m rect 172 122 20 40 0
        a rect 238 170 40 22 0
        d rect 208 236 20 40 0
        y rect 122 208 40 22 0
        w/55 rect 104 104 48 12 6
        w/45 rect 218 104 48 12 6
    """,
    "chess": """
        u rect 66 296 268 24 8
        w rect 66 276 268 22 0
        k rect 66 276 34 22 0
        k rect 133 276 34 22 0
        k rect 200 276 34 22 0
        k rect 267 276 34 22 0
        m circle 126 172 29
        m path M104 196h44l12 64a12 12 0 0 1-12 16h-44a12 12 0 0 1-12-16z
        d rect 84 258 84 18 9
        l/55 rect 110 160 12 24 6
        k path M194 92h24v20h22v-20h28v20h22v-20h24v58h-14l8 110H200l8-110h-14z
        h/60 rect 214 150 15 98 7
        k rect 186 256 136 20 10
        a rect 200 142 108 13 6
    """,
    "bear": """
        u circle 132 108 37
        y circle 132 108 19
        u circle 268 108 37
        y circle 268 108 19
        u ellipse 200 290 98 32
        u circle 112 274 30
        u circle 288 274 30
        t circle 200 172 98
        w ellipse 200 204 46 38
        k ellipse 200 184 18 13
        k circle 160 152 11
        k circle 240 152 11
        k line 6 M200 194v16
        k line 6 M182 216a18 14 0 0 0 36 0
        m path M200 282l-54-26v58zM200 282l54-26v58z
        d circle 200 284 17
    """,
}
