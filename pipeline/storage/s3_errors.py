"""Turn errors of an S3 server or client into the errors that callers act on."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import botocore.exceptions as aws
import urllib3.exceptions

from pipeline.errors import ConfigurationError, InArchiveTier, OutputNotWritable
from pipeline.escape import error_line, one_line
from pipeline.storage.errors import reading, unavailable

ARCHIVED = {"InvalidObjectState", "ObjectNotInActiveTierError"}
MISSING = {"NoSuchKey", "NoSuchBucket", "NoSuchUpload", "404", "NotFound"}
# A request that was to be done only where there is no object.
EXISTING = {"PreconditionFailed", "ConditionalRequestConflict"}
FORBIDDEN = {"AccessDenied", "AllAccessDisabled", "AccountProblem", "Forbidden", "403", "MethodNotAllowed"}
FULL = {"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage", "507"}
MISCONFIGURED = {
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthorizationHeaderMalformed", "PermanentRedirect",
    "InvalidBucketName", "InvalidToken", "IllegalLocationConstraintException",
}  # fmt: skip
# Refusals that concern every object, or pass: 4xx by their status, and yet no fault of one object.
PASSING = {
    "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestTimeout", "RequestTimeTooSkewed",
    "RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequests", "TooManyRequestsException",
    "OperationAborted", "SlowDown", "408", "429",
}  # fmt: skip
SETUP = (
    aws.NoCredentialsError, aws.PartialCredentialsError, aws.ProfileNotFound, aws.NoRegionError,
    aws.ParamValidationError, aws.InvalidRegionError, aws.ConfigParseError,
)  # fmt: skip
ABSENT = (aws.BotoCoreError, urllib3.exceptions.HTTPError, ConnectionError, TimeoutError)


@contextmanager
def s3_errors(uri: str, *, to_write: bool = False) -> Iterator[None]:
    """Turn errors of an S3 store into this library's errors.

    Raises:
        FileNotFoundError: there is no such object (or, when reading, no such bucket).
        InArchiveTier: this object must be restored from an archive tier first.
        PermissionError: this object may not be read, or the server refuses to send it.
        OutputNotWritable: writing is refused, or the bucket is missing or full.
        ConfigurationError: keys, region or bucket name are wrong.
        StoreUnavailable: every error that may be temporary.
    """
    try:
        with reading(uri):
            yield
    except aws.ClientError as error:
        raise _refused(uri, error, to_write) from error
    except SETUP as error:
        remedy = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL and the name of the bucket"
        raise ConfigurationError(f"{uri}: {error_line(error)}; {remedy}") from error
    except ABSENT as error:
        raise unavailable(uri, error) from error
    except (OSError, ValueError) as error:
        # smart_open wraps the client's error in its own error.
        cause = getattr(error, "backend_error", None) or error.__cause__
        if isinstance(cause, aws.ClientError):
            raise _refused(uri, cause, to_write) from error
        if isinstance(error, OSError) and error.errno is None:
            raise unavailable(uri, error) from error
        raise


def _refused(uri: str, error: aws.ClientError, to_write: bool) -> Exception:
    """Return the error for an error response of the server."""
    found: dict[str, str] = dict(error.response.get("Error", {}))
    code = str(found.get("Code", ""))
    message = str(found.get("Message", "")) or code
    if code in ARCHIVED:
        tier = f" ({found['StorageClass']})" if found.get("StorageClass") else ""
        return InArchiveTier(errno.EACCES, f"it lies in an archive tier{tier} of the store; restore it first", uri)
    if code in MISSING:
        if to_write and code == "NoSuchBucket":
            return OutputNotWritable(f"{uri}: the bucket does not exist; create it, then run again")
        return FileNotFoundError(errno.ENOENT, "no such object", uri)
    if code in EXISTING:
        return FileExistsError(errno.EEXIST, "there is an object of that name", uri)
    if code in FORBIDDEN:
        if to_write:
            remedy = "allow these credentials to put and delete objects there"
            return OutputNotWritable(f"{uri}: writing is refused ({message}); {remedy}, then run again")
        return PermissionError(errno.EACCES, f"reading is refused ({message})", uri)
    if code in FULL:
        return OutputNotWritable(f"{uri}: the store is full ({message}); free some space, then run again")
    if code in MISCONFIGURED:
        return ConfigurationError(f"{uri}: {message}; check credentials, region and AWS_ENDPOINT_URL")
    if code == "KeyTooLongError":
        return OSError(errno.ENAMETOOLONG, "the name is too long for the store", uri)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if 400 <= status < 500 and code not in PASSING and not to_write:
        # The server answers and refuses: to ask again would not help, and the other objects are none the worse.
        return PermissionError(errno.EACCES, f"the store refuses it ({code}: {one_line(message, 200)})", uri)
    return unavailable(uri, error)
