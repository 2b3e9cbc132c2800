"""What `make up` says of the collections: where they are, when they start, whether they are on, and what is missing."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx

from airflow_api import AirflowApi, dag_path, wait_until
from pipeline.errors import ConfigurationError
from pipeline.preflight import Finding, Report, check_installation
from pipeline.preflight.ledger import shown
from pipeline.preflight.mail import SUBJECT, mail_summary
from pipeline.preflight.overview import overview
from pipeline.settings import Collection, settings

# How long a folder, the ledger or the mail server has to answer.
ANSWER_SECONDS = 5.0
# After a start Airflow has read the collections file within that time.
DAGS_SECONDS = 20.0


def print_overview(api: AirflowApi) -> None:
    """Print every collection, and what is missing or out of reach; nothing of that is an error here."""
    try:
        report = check_installation(seconds=ANSWER_SECONDS)
    except ConfigurationError as error:
        print(f"\nWARNING: {error}")
        return
    server = _server_in_airflow(api)
    print(f"\ncollections  {settings().collections}")
    print(f"ledger       {shown(settings().ledger_url)}")
    print(f"mail server  {mail_summary() or server or 'none'}")
    states = _states(api, report)
    for collection in report.collections:
        print(f"\n  {collection.name}: {states[collection.name]}")
        for label, text in overview(collection, datetime.now(UTC)):
            print(f"    {label:<8} {text}")
    if not report.collections:
        print("\n  no collection yet")
    findings = [finding for finding in report.findings if not (server and _names_no_server(finding))]
    if findings:
        print("\nWARNING: what follows needs a person; make check looks again")
        for finding in findings:
            print(f"  {finding}")


def _names_no_server(finding: Finding) -> bool:
    return finding.subject == SUBJECT and not mail_summary()


def _states(api: AirflowApi, report: Report) -> dict[str, str]:
    """Return for each collection whether it is on."""
    names = [collection.name for collection in report.collections]

    def all_known() -> bool:
        return all(_dag(api, name) for name in names)

    if names:
        with suppress(TimeoutError):
            wait_until(all_known, "", seconds=DAGS_SECONDS)
    return {collection.name: _state(api, collection) for collection in report.collections}


def _state(api: AirflowApi, collection: Collection) -> str:
    dag = _dag(api, collection.name)
    if dag is None:
        return "not read by Airflow yet; it appears within a minute, or among the import errors"
    if dag["is_paused"]:
        return f"PAUSED: switch restore_{collection.name} on in the UI"
    return "on"


def _dag(api: AirflowApi, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = api.get(dag_path(f"restore_{name}"))
    except httpx.HTTPError:
        return None
    return found


def _server_in_airflow(api: AirflowApi) -> str:
    """Return the mail server that somebody has entered in the UI; empty where there is none."""
    try:
        found = api.get("/api/v2/connections/smtp_default")
    except httpx.HTTPError:
        return ""
    return f"{found['host']}:{found['port']} (from the UI; the DAG mail_test sends a test mail)"
