"""The terms of the Library of Congress' preservation vocabularies that PREMIS documents use here, with their URIs."""

from __future__ import annotations

from enum import StrEnum

BASE = "http://id.loc.gov/vocabulary/preservation"


class Vocabulary(StrEnum):
    """The vocabularies (id.loc.gov/vocabulary/preservation/…) by the elements that take their terms."""

    EVENT = "eventType"
    OUTCOME = "eventOutcome"
    AGENT = "agentType"
    AGENT_ROLE = "eventRelatedAgentRole"
    OBJECT_ROLE = "eventRelatedObjectRole"
    RELATIONSHIP = "relationshipType"
    RELATIONSHIP_SUBTYPE = "relationshipSubType"


# By term, the code at the end of its URI.
_CODES: dict[Vocabulary, dict[str, str]] = {
    Vocabulary.EVENT: {
        "accession": "acc",
        "creation": "cre",
        "deaccession": "dea",
        "deletion": "del",
        "dissemination": "dis",
        "filename change": "fil",
        "fixity check": "fix",
        "format identification": "for",
        "ingestion": "ing",
        "ingestion end": "ine",
        "ingestion start": "ins",
        "message digest calculation": "mes",
        "metadata extraction": "mee",
        "metadata modification": "mem",
        "modification": "mod",
        "quarantine": "qua",
        "recovery": "rec",
        "replication": "rep",
        "transfer": "tra",
        "validation": "val",
    },
    Vocabulary.AGENT_ROLE: {
        "authorizer": "aut",
        "executing program": "exe",
        "implementer": "imp",
        "validator": "val",
    },
    Vocabulary.OBJECT_ROLE: {"source": "sou", "outcome": "out"},
    Vocabulary.OUTCOME: {"fail": "fai", "success": "suc", "warning": "war"},
    Vocabulary.AGENT: {"person": "per", "software": "sof"},
    Vocabulary.RELATIONSHIP: {"derivation": "der"},
    Vocabulary.RELATIONSHIP_SUBTYPE: {
        "documents": "doc",
        "has source": "hss",
        "is documented in": "idc",
        "is source of": "iso",
        "is superseded by": "iss",
        "supersedes": "sup",
    },
}


def term_uri(vocabulary: Vocabulary, word: str) -> str:
    """Return the URI of a term; empty where the vocabulary, as known here, does not have the word."""
    code = _CODES.get(vocabulary, {}).get(word, "")
    return f"{BASE}/{vocabulary}/{code}" if code else ""
