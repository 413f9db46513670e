"""What stands for a thing that has no drawing of its own."""

MOTIFS: dict[str, str] = {
    "parcel": """
        l poly 200,84 326,140 200,198 74,140
        m poly 74,140 200,198 200,326 74,268
        d poly 326,140 200,198 200,326 326,268
        a poly 116,121 244,178 244,232 284,214 284,160 156,103
        b poly 244,178 284,160 284,214 264,206 244,232
        w poly 94,218 148,243 148,276 94,251
    """,
    "gift": """
        a line 19 M200 138c-90-96-140-4 0 0
        a line 19 M200 138c90-96 140-4 0 0
        m rect 92 178 216 140 12
        d rect 92 178 216 30 0
        m rect 76 134 248 58 12
        a rect 178 134 44 184 0
        b rect 178 192 44 16 0
        l/50 rect 108 220 14 82 7
        b circle 200 134 17
    """,
    "bag": """
        k line 12 M148 176v-40a52 56 0 0 1 104 0v40
        m path M94 148h212l20 154a14 14 0 0 1-14 16H88a14 14 0 0 1-14-16z
        d path M266 148h40l20 154a14 14 0 0 1-14 16h-28z
        k circle 148 178 9
        k circle 252 178 9
        a path M182 276c-46-34-42-70-14-70c10 0 14 8 14 8s4-8 14-8c28 0 32 36-14 70z
        l/50 path M108 164h16l-12 138H94z
    """,
    "crate": """
        n circle 128 158 38
        a circle 188 140 44
        y circle 250 150 42
        n circle 292 172 28
        c circle 172 124 9
        u line 6 M188 100c0-12 6-18 12-22
        u rect 82 176 236 142 6
        t rect 70 180 260 40 8
        t rect 70 228 260 40 8
        t rect 70 276 260 42 8
        u rect 92 176 26 142 4
        u rect 282 176 26 142 4
        k circle 105 200 5
        k circle 105 248 5
        k circle 105 296 5
        k circle 295 200 5
        k circle 295 248 5
        k circle 295 296 5
        m rect 156 218 88 60 10
        w line 8 M176 248h48
    """,
    "tag": """
        turn 32
        k line 6 M200 112c-40-70 60-90 40-30
        m path M140 104l46-40a22 22 0 0 1 28 0l46 40a22 22 0 0 1 8 18v190a22 22 0 0 1-22 22h-92a22 22 0 0 1-22-22V122
          a22 22 0 0 1 8-18z
        l/55 rect 146 140 13 170 6
        w circle 200 112 17
        a poly 200,176 213,206 246,209 221,230 229,262 200,245 171,262 179,230 154,209 187,206
        w line 8 M176 296h48
    """,
}
