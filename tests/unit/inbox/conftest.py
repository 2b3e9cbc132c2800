"""A small project, and a bucket."""

from s3_bucket import bucket, s3_address, s3_environment
from small_project import detecting, picture, post, project

__all__ = ["bucket", "detecting", "picture", "post", "project", "s3_address", "s3_environment"]
