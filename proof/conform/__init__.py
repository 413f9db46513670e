"""The conformance kit: checks a partner's program against docs/ups-protocol.md, case by case.

Rules: a case has the id of the rule that it checks; the kit has number and ack rules of its own (never wire.session: a
bug in both would be invisible); what is expected of a partner is what the document says and nothing else.

The rooms. For whichever side is checked: `cases` (what a case is), `play` (plays them on grounds), `reading` (what came
and is strange), `verdict` (how they went, and what a run comes to), `report` and `report_files` (text, JUnit XML, JSON,
HTML), `reporting` (the options for all of that). To check a UPS: `catalogue` and `catalogue_*` (the cases), `kit` (what
a case is given), `amazon` and `world` (the two parts that the kit plays), `command`. To check an Amazon: `of_amazon`.
"""
