"""Write a METS file around a bag's payload, after the E-ARK common specification (CSIP 2); it grows on disk.

PREMIS is referenced and not embedded. Source: METS 1.12.1 and E-ARK CSIP 2.1 (its elements; folders of representations
are not used, because results keep the paths that the ledger and the sidecars name).
"""

from __future__ import annotations

import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from pipeline import __version__, storage
from pipeline.provenance.xml_text import xml_text

PROFILE = "https://earkcsip.dilcis.eu/profile/E-ARK-CSIP.xml"
NAMESPACES = (
    'xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink"'
    ' xmlns:csip="https://DILCIS.eu/XML/METS/CSIPExtensionMETS"'
)
TYPES = {
    "tif": "image/tiff", "tiff": "image/tiff", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg",
    "jp2": "image/jp2", "webp": "image/webp", "gif": "image/gif", "json": "application/json", "pdf": "application/pdf",
    "csv": "text/csv", "eml": "message/rfc822", "xml": "application/xml", "c2pa": "application/c2pa",
}  # fmt: skip


class MetsWriter:
    """Collects the files of a payload, by their first folder, and writes the document at the end.

    Args:
        folder: a local folder for what grows meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._groups: dict[str, BinaryIO] = {}
        self._created = _moment(datetime.now(UTC))

    def add(self, path: str, size: int, sha256: str) -> None:
        """Add a file of the payload."""
        group = path.partition("/")[0]
        if group not in self._groups:
            self._groups[group] = (self._folder / f"mets-{len(self._groups)}").open("w+b")
        self._groups[group].write(
            f'      <file ID="{_identifier(path)}" {self._described(path, size, sha256)}>\n'
            f'        <FLocat LOCTYPE="URL" xlink:type="simple" xlink:href={_href(path)}/>\n'
            "      </file>\n".encode()
        )

    def write(self, target: Path, label: str, premis: str) -> None:
        """Write the document.

        Args:
            label: of the collection.
            premis: path of the PREMIS document, which is a file beside `target` under its last name.
        """
        file = target.with_name(premis.rpartition("/")[2])
        described = self._described(premis, file.stat().st_size, storage.sha256(str(file)))
        identifier = f"urn:uuid:{uuid.uuid4()}"
        with target.open("wb") as stream:
            stream.write(
                f'<?xml version="1.0" encoding="UTF-8"?>\n<mets {NAMESPACES} OBJID="{identifier}"'
                f' LABEL={_attribute(label)} TYPE="Photographs – Digital" PROFILE="{PROFILE}"'
                ' csip:CONTENTINFORMATIONTYPE="MIXED">\n'
                f'  <metsHdr CREATEDATE="{self._created}" RECORDSTATUS="NEW" csip:OAISPACKAGETYPE="SIP">\n'
                '    <agent ROLE="CREATOR" TYPE="OTHER" OTHERTYPE="SOFTWARE">\n'
                "      <name>archive-restoration</name>\n"
                f'      <note csip:NOTETYPE="SOFTWARE VERSION">{__version__}</note>\n'
                "    </agent>\n  </metsHdr>\n"
                '  <amdSec ID="amd">\n    <digiprovMD ID="premis" STATUS="CURRENT">\n'
                f'      <mdRef ID="premis-reference" LOCTYPE="URL" MDTYPE="PREMIS" MDTYPEVERSION="3.0"'
                f' xlink:type="simple" xlink:href={_href(premis)} {described}/>\n'
                "    </digiprovMD>\n  </amdSec>\n"
                f'  <fileSec ID="files">\n'.encode()
            )
            for group, files in self._groups.items():
                stream.write(f'    <fileGrp ID="group-{group}" USE={_attribute(group)}>\n'.encode())
                files.seek(0)
                shutil.copyfileobj(files, stream)
                files.close()
                stream.write(b"    </fileGrp>\n")
            divisions = "".join(
                f'      <div ID="div-{group}" LABEL={_attribute(group)}><fptr FILEID="group-{group}"/></div>\n'
                for group in self._groups
            )
            stream.write(
                '  </fileSec>\n  <structMap ID="structure" TYPE="PHYSICAL" LABEL="CSIP">\n'
                f'    <div ID="package" LABEL={_attribute(label)}>\n'
                '      <div ID="metadata" LABEL="Metadata" ADMID="premis"/>\n'
                f"{divisions}    </div>\n  </structMap>\n</mets>\n".encode()
            )

    def _described(self, path: str, size: int, sha256: str) -> str:
        """Return the attributes that files and references share."""
        kind = TYPES.get(path.rpartition(".")[2].lower(), "application/octet-stream")
        return f'MIMETYPE="{kind}" SIZE="{size}" CREATED="{self._created}" CHECKSUM="{sha256}" CHECKSUMTYPE="SHA-256"'


def _identifier(path: str) -> str:
    """Return an identifier that is a valid XML name, the same for the same path."""
    return f"file-{uuid.uuid5(uuid.NAMESPACE_URL, path)}"


def _href(path: str) -> str:
    """Return the attribute for a path, as a relative URL."""
    return quoteattr(quote(path, safe="/"))


def _attribute(text: str) -> str:
    return quoteattr(xml_text(text))


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
