"""Mail from Airflow: STARTTLS as in the documents' example, and a refused login that ends nothing but the mail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from image_files import png
from mail_kinds import KindServer, Postbox
from tls_certificates import Certificates, make_certificates

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


@pytest.fixture
def server(certificates: Certificates) -> Iterator[KindServer]:
    server = KindServer(Postbox(), None, certificates.context, "anna:right")
    server.start()
    yield server
    server.stop()


def connection(server: KindServer, password: str) -> str:
    """Return the connection; on another machine than this one, STARTTLS needs no word."""
    return f"smtp://anna:{password}@localhost:{server.port}?disable_tls=false"


def test_a_refused_login_is_one_line_is_not_retried_and_ends_nothing_but_the_mail(
    airflow, tmp_path, server, certificates
):
    inbox, output = tmp_path / "in", tmp_path / "out"
    inbox.mkdir()
    (inbox / "a.png").write_bytes(png(np.full((40, 50, 3), 120, np.uint8)))
    recipe = {"engine": "telea", "detector": "none"}
    airflow.write(
        mailed={"inbox": str(inbox), "output": str(output), "recipients": ["a@example.org"], "recipe": recipe}
    )

    done = airflow.restore(
        "mailed", AIRFLOW_CONN_SMTP_DEFAULT=connection(server, "wrong"), SSL_CERT_FILE=str(certificates.authority)
    )

    assert airflow.tasks("restore_mailed")["digest"] == ("failed", 1)
    assert airflow.tasks("restore_mailed")["reconcile"] == ("success", 1)
    assert "refused the login of 'anna' (535 5.7.8 Authentication credentials invalid): correct user" in done.stdout
    assert "Traceback" not in done.stdout
    assert len(list(output.glob("reports/*/digest.eml"))) == 1
    assert server.handler.arrived == []


def test_a_test_mail_from_the_user_interface(airflow, server, certificates):
    sent = airflow.run(
        "airflow", "dags", "test", "mail_test", "--conf", json.dumps({"recipient": "a@example.org"}),
        AIRFLOW_CONN_SMTP_DEFAULT=connection(server, "right"), SSL_CERT_FILE=str(certificates.authority),
    )  # fmt: skip
    assert server.handler.arrived == [["a@example.org"]]
    assert "Traceback" not in sent.stdout
