"""The conformance kit: checks a partner's program against docs/ups-protocol.md, case by case.

Rules: a case has the id of the rule that it checks; the kit has number and ack rules of its own (never wire.session: a
bug in both would be invisible); what is expected of a partner is what the document says and nothing else. The rooms:
`cases` (what a case is), `catalogue_*` (the cases), `kit` (what a case is given), `amazon` and `world` (the two parts
that the kit plays), `runner` and `report`, `command`.
"""
