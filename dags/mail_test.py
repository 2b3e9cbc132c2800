"""Send a test mail through Airflow's SMTP connection; started by hand."""

from __future__ import annotations

from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from dags.restoration.plain_failure import plain

DOC = """\
Sends one mail through the connection `smtp_default`, from *RESTORATION_SMTP_SENDER*. The task is green when the server
took it; otherwise its log says in one line why not, and what to correct.
"""


@dag(
    dag_id="mail_test",
    dag_display_name="Send a test mail",
    description="Sends one mail, to see whether digests will arrive",
    doc_md=DOC,
    schedule=None,
    params={
        "recipient": Param(
            type="string",
            minLength=1,
            title="Collection or address",
            description="A collection, whose recipients get the mail, or an address.",
        )
    },
    is_paused_upon_creation=False,
    tags=["mail"],
    default_args={"owner": "restoration"},
)
def mail_test() -> None:
    """Send the mail."""

    @task
    @plain
    def send() -> str:
        from dags.restoration.factory import find_collection
        from dags.restoration.smtp import smtp_server
        from pipeline.digests import SmtpChannel, build_test_mail
        from pipeline.settings import settings

        recipient = str(get_current_context()["params"]["recipient"]).strip()
        language = "en"
        recipients: tuple[str, ...] = (recipient,)
        if "@" not in recipient:
            collection = find_collection(recipient)
            recipients, language = collection.recipients, collection.language
        server = smtp_server()
        if server is None:
            raise AirflowFailException("there is no connection smtp_default: add one under Admin, Connections")
        message = build_test_mail(recipients, server, sender=settings().smtp_sender, language=language)
        SmtpChannel(server).send(message)
        return f"The mail server {server} took the mail to {', '.join(recipients)}"

    send()


mail_test()
