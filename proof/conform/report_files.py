"""A run as files: JUnit XML and JSON for machines, one HTML page for people.

Rules: the same verdicts as on the terminal; the page needs nothing but itself.
"""

import json
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from jinja2 import Environment, PackageLoader, StrictUndefined

from proof.conform.report import explained
from proof.conform.verdict import DOCUMENT, Outcome, Run, Verdict

# XML has no such characters, and a partner may send them.
_NOT_IN_XML = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535), "�")
# What a reader wants to see first.
_ORDER = (
    Verdict.FAILED,
    Verdict.SURPRISE,
    Verdict.NOT_KEPT,
    Verdict.KNOWN,
    Verdict.PASSED,
    Verdict.NOT_APPLICABLE,
)


def write_junit(path: Path, run: Run) -> None:
    """Writes JUnit XML. Raises OSError."""
    failed = {outcome.case.id for outcome in run.failures()}
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": run.name,
            "tests": str(len(run.outcomes)),
            "failures": str(len(failed)),
            "errors": "0",
            "skipped": str(run.counts[Verdict.NOT_APPLICABLE]),
            "time": f"{run.seconds:.3f}",
            "timestamp": f"{_moment(run):%Y-%m-%dT%H:%M:%S}",
        },
    )
    for outcome in run.outcomes:
        about = {"classname": f"{run.side}.{outcome.case.section}", "name": f"{outcome.case.id} {outcome.case.title}"}
        entry = ElementTree.SubElement(suite, "testcase", {**about, "time": f"{outcome.seconds:.3f}"})
        text = "\n".join(explained(outcome)).translate(_NOT_IN_XML) if outcome.expected else ""
        if outcome.skipped:
            ElementTree.SubElement(entry, "skipped", {"message": outcome.skipped.translate(_NOT_IN_XML)})
        elif outcome.case.id in failed:
            message = (outcome.expected or Verdict.SURPRISE).translate(_NOT_IN_XML)
            ElementTree.SubElement(entry, "failure", {"message": message}).text = text
        elif text:
            ElementTree.SubElement(entry, "system-out").text = f"{run.verdict(outcome)}\n{text}"
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def write_json(path: Path, run: Run) -> None:
    """Writes everything that is known about a run. Raises OSError."""
    path.write_text(json.dumps(as_json(run), indent=1) + "\n", encoding="utf-8")


def as_json(run: Run) -> dict[str, Any]:
    """A run as plain data."""
    return {
        "command": run.name,
        "subject": run.subject,
        "document": DOCUMENT,
        "began_at": f"{_moment(run):%Y-%m-%dT%H:%M:%SZ}",
        "seconds": round(run.seconds, 3),
        "strict": run.strict,
        "success": run.exit_code == 0,
        "cases": len(run.cases),
        "not_played": run.unplayed,
        "counts": {str(verdict): run.counts[verdict] for verdict in Verdict},
        "outcomes": [_outcome(outcome, run) for outcome in run.outcomes],
    }


def _outcome(outcome: Outcome, run: Run) -> dict[str, Any]:
    case = outcome.case
    told: dict[str, Any] = {
        "id": case.id,
        "section": case.section,
        "level": str(case.level),
        "title": case.title,
        "verdict": str(run.verdict(outcome)),
        "seconds": round(outcome.seconds, 3),
    }
    if case.id in run.known:
        told["known"] = run.known[case.id]
    if outcome.skipped:
        told["reason"] = outcome.skipped
    if outcome.expected:
        told |= {
            "sent": outcome.sent,
            "expected": outcome.expected,
            "came": outcome.came,
            "trace": [str(entry) for entry in outcome.trace],
        }
    return told


def write_html(path: Path, run: Run) -> None:
    """Writes the page. Raises OSError."""
    environment = Environment(
        loader=PackageLoader("proof.conform", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    chapters = [
        (int(number), list(outcomes))
        for number, outcomes in groupby(
            sorted(run.outcomes, key=lambda outcome: [int(part) for part in outcome.case.section.split(".")]),
            key=lambda outcome: outcome.case.section.partition(".")[0],
        )
    ]
    page = environment.get_template("report.html").render(
        run=run,
        when=f"{_moment(run):%d %B %Y, %H:%M} UTC".lstrip("0"),
        counts=[(verdict, run.counts[verdict]) for verdict in _ORDER if run.counts[verdict]],
        chapters=chapters,
        headings=CHAPTERS,
        shown=[outcome for outcome in run.outcomes if outcome.expected],
        document=DOCUMENT,
        slug=lambda verdict: verdict.lower().replace(" ", "-"),
    )
    path.write_text(page, encoding="utf-8")


# The document's own headings; a test holds them against it.
CHAPTERS = {
    2: "Transport and frames",
    3: "Messages",
    4: "Connections",
    5: "Numbers and acks",
    6: "The life of a job",
    7: "Faults",
    8: "Worlds",
    9: "Errors",
    10: "Times and limits",
    11: "The extension",
    12: "The fingerprint of the contract",
}


def _moment(run: Run) -> datetime:
    return datetime.fromtimestamp(run.began_at, UTC)
