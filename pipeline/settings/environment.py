"""Read the settings of this installation from environment variables."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.errors import ConfigurationError
from pipeline.escape import one_line
from pipeline.settings.plain_errors import describe

SQLITE = "sqlite:///"


class Settings(BaseSettings):
    """Settings of the installation, as opposed to those of a collection.

    Each field is read from the environment variable `RESTORATION_<FIELD>`, for example
    `RESTORATION_LEDGER_URL=postgresql+psycopg2://user:password@host/ledger`.
    """

    model_config = SettingsConfigDict(
        env_prefix="RESTORATION_", env_ignore_empty=True, extra="ignore", frozen=True, allow_inf_nan=False
    )

    collections: Path = Field(Path("collections.yaml"), description="the collections file (YAML)")
    ledger_url: str = Field("sqlite:///ledger.db", description="SQLAlchemy URL of the ledger")
    cache: Path = Field(
        Path.home() / ".cache" / "archive-restoration",
        description="folder of exported networks",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where networks run")
    backend: Literal["auto", "torch", "openvino"] = Field("auto", description="what runs networks")
    network_precision: Literal["auto", "float32"] = Field("auto", description="the precision that networks compute in")
    max_megapixels: float = Field(400.0, gt=0, description="scans with more megapixels go to quarantine")
    max_megabytes: float = Field(4096.0, gt=0, description="scan files with more megabytes go to quarantine")
    scan_timeout: float = Field(300.0, gt=0, description="seconds after which a decoder is stopped, per scan")
    scan_memory_megabytes: float = Field(8192.0, gt=0, description="memory limit of an isolated decoder, in MiB")
    code_version: str = Field("", description="revision of the code, for audits; read from git when empty")
    public_url: str = Field("", description="address of the Airflow UI, for links in the digest")
    smtp_sender: str = Field("archive-restoration@localhost", description="sender of the digest")
    retry_seconds: float = Field(30.0, gt=0, description="seconds before a retry, doubling up to 20 times that")
    wait_hours: float = Field(24.0, ge=0, description="hours a task waits for storage, ledger or a writable output")
    start_paused: bool = Field(False, description="new collections wait until somebody switches them on")
    gpu_queue: str = Field("gpu", description="Airflow queue of the task `inpaint`")
    upload_megabytes: float = Field(2000.0, gt=0, description="largest file that the upload page takes")
    gpu_executor: str = Field("", description="Airflow executor of the task `inpaint`; empty for the default one")
    task_slots: int = Field(
        1, ge=1, description="tasks of Airflow that share a machine; each uses its part of the cores"
    )
    c2pa_certificate: Path | None = Field(None, description="certificates (PEM) to sign with, the own one first")
    c2pa_key: Path | None = Field(None, description="private key (PEM) of the first of them")
    c2pa_algorithm: Literal["es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519"] = Field(
        "es256", description="of that key"
    )
    c2pa_timestamp: str = Field("", description="address of a time-stamping service (RFC 3161); none when empty")
    attach_megabytes: float = Field(10.0, ge=0, description="size of a mail above which its PDF is linked")


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process, read from the environment once (`settings.cache_clear()` in tests).

    Relative paths of collections file and ledger are those of the working directory at that moment.

    Raises:
        ConfigurationError: variables are invalid; the message names each.
    """
    try:
        found = Settings()
    except ValidationError as error:
        raise ConfigurationError("; ".join(_describe_variable(dict(item)) for item in error.errors())) from error
    return found.model_copy(
        update={"collections": found.collections.expanduser().absolute(), "ledger_url": _anchored(found.ledger_url)}
    )


def _anchored(url: str) -> str:
    """Return the URL of a ledger, with the absolute path of a SQLite file."""
    name = url.removeprefix(SQLITE)
    if name == url or not name or name.startswith((":", "file:")):
        return url
    return f"{SQLITE}{Path(name).absolute()}"


def _describe_variable(error: dict[str, Any]) -> str:
    variable = "_".join(["RESTORATION", *(str(part).upper() for part in error["loc"])])
    shown = one_line(str(error["input"]), 60)
    message = describe(error).removesuffix(f", not {shown!r}").removesuffix(f", not {shown}")
    return f"{variable}={shown}: {message}"
