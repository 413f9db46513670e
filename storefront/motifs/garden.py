"""Things of the garden, and plants."""

MOTIFS: dict[str, str] = {
    "plant": """
        o line 8 M200 240c0-40-20-70-52-84
        o line 8 M204 240c4-40 26-62 56-74
        n path M196 226C112 224 66 164 84 84l40 34-6-42c64 8 96 70 78 150z
        o path M208 230c-14-84 34-134 108-130l-20 30 34 6c0 62-50 98-122 94z
        n path M200 216c-44-50-44-120 4-166c44 48 44 116-4 166z
        o line 5 M196 222C168 176 138 140 106 112
        n line 5 M210 226c24-40 54-70 88-100
        o line 5 M201 210V90
        d path M136 240h128l-14 66a14 14 0 0 1-14 12h-72a14 14 0 0 1-14-12z
        m rect 124 220 152 34 10
        l/55 path M150 262h16l10 46h-14z
    """,
    "cactus": """
        n line 34 M122 168v22a30 30 0 0 0 30 30h20
        n line 34 M278 130v22a30 30 0 0 1-30 30h-20
        n rect 162 74 76 190 38
        o line 5 M184 110v130
        o line 5 M216 110v130
        w line 5 M200 124v10
        w line 5 M200 160v10
        w line 5 M200 196v10
        w line 5 M122 172v8
        w line 5 M278 136v8
        a circle 184 72 16
        a circle 216 72 16
        y circle 200 66 14
        d path M134 250h132l-14 56a14 14 0 0 1-14 12h-76a14 14 0 0 1-14-12z
        m rect 122 232 156 32 10
        l/60 line 8 M140 290l8-10 10 10 10-10 10 10 10-10 10 10 10-10 10 10 10-10 10 10 10-10
    """,
    "wateringcan": """
        v path M342 188c10 14 10 24 0 28c-10-4-10-14 0-28z
        v path M366 196c8 12 8 20 0 24c-8-4-8-12 0-24z
        v path M350 232c10 14 10 24 0 28c-10-4-10-14 0-28z
        d line 18 M116 200c-84-10-80 96-10 92
        d line 18 M124 168c0-96 106-96 112 0
        d path M224 264l82-134 26 14-92 160z
        y path M288 120l22-28 60 38-14 30z
        m path M106 166h144l16 134a16 16 0 0 1-16 18H106a16 16 0 0 1-16-18z
        d rect 98 160 160 22 11
        l/55 path M120 196h20l-8 104h-22z
        d path M92 284h172l2 16a16 16 0 0 1-16 18H106a16 16 0 0 1-16-18z
    """,
    "trowel": """
        turn 38
        h rect 190 150 20 62 0
        g path M150 200h100v60c0 54-26 84-50 106c-24-22-50-52-50-106z
        w/55 path M150 200h50v166c-24-22-50-52-50-106z
        k/25 line 7 M200 216v110
        t path M180 40h40a18 18 0 0 1 18 20l-10 94h-56l-10-94a18 18 0 0 1 18-20z
        u path M204 40h16a18 18 0 0 1 18 20l-10 94h-20z
        m rect 168 140 64 20 8
    """,
    "tulip": """
        o line 10 M200 318V190
        o line 9 M194 318C180 280 130 260 118 214
        o line 9 M206 318C220 280 270 260 282 214
        n path M196 318c-60-10-76-40-72-92c48 16 72 40 72 92z
        n path M204 318c60-10 76-40 72-92c-48 16-72 40-72 92z
        a path M74 132l22 22 22-36 22 36 22-22v56c0 26-20 44-44 44s-44-18-44-44z
        c path M96 154l22-36 22 36c4 34-4 60-22 78c-18-18-26-44-22-78z
        a path M238 132l22 22 22-36 22 36 22-22v56c0 26-20 44-44 44s-44-18-44-44z
        c path M260 154l22-36 22 36c4 34-4 60-22 78c-18-18-26-44-22-78z
        m path M142 82l28 26 30-46 30 46 28-26v72c0 34-26 58-58 58s-58-24-58-58z
        l path M170 108l30-46 30 46c8 44-4 80-30 104c-26-24-38-60-30-104z
    """,
    "sunflower": """
        o line 13 M200 220v98
        n path M200 306c-14-50-50-62-88-54c8 42 42 64 88 54z
        n path M200 286c12-42 44-54 82-48c-8 38-36 58-82 48z
        y line 40 M106 146h188
        y line 40 M119 99l162 94
        y line 40 M153 65l94 162
        y line 40 M200 52v188
        y line 40 M247 65l-94 162
        y line 40 M281 99l-162 94
        a/45 circle 200 146 74
        u circle 200 146 58
        t circle 200 146 38
        u circle 188 136 6
        u circle 212 136 6
        u circle 200 156 6
        u circle 180 156 5
        u circle 220 156 5
    """,
    "birdhouse": """
        m path M114 166L200 92L286 166V306H114z
        d path M200 92L286 166V306H258V150z
        k circle 192 206 35
        u line 13 M192 264v16
        t circle 192 264 10
        a line 30 M88 176L200 78L312 176
        b line 30 M200 78L312 176
        w circle 330 116 27
        y poly 354,108 372,118 354,124
        k circle 338 110 5
        c path M304 112l-34 6c4 24 28 36 50 24z
        t rect 104 300 192 18 9
    """,
    "herbs": """
        o line 6 M100 226v-60
        n circle 80 186 21
        n circle 120 182 23
        o circle 100 154 27
        o line 7 M200 226V110
        n line 11 M200 192l-26-18
        n line 11 M200 192l26-18
        n line 11 M200 160l-26-18
        n line 11 M200 160l26-18
        n line 11 M200 130l-18-16
        n line 11 M200 130l18-16
        o line 6 M300 226v-60
        n ellipse 300 156 20 34
        o ellipse 272 184 18 28
        o ellipse 328 184 18 28
        m path M56 226h88l-12 84H68z
        d rect 50 214 100 26 9
        a path M156 226h88l-12 84h-64z
        b rect 150 214 100 26 9
        l path M256 226h88l-12 84h-64z
        m rect 250 214 100 26 9
        t rect 36 302 328 18 9
    """,
}
