"""What is said to S3 and what its answers mean, apart from the talking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from de_classes.storage.clients.checksums import (
    METADATA_KEY,
    base64_from_hex,
    hex_from_base64,
    metadata_for,
)
from de_classes.storage.clients.object_store import ObjectInfo

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef, ObjectTypeDef

    from de_classes.storage.clients.checksums import (
        Content,
    )
    from de_classes.storage.clients.object_store import ObjectWrite


def put_arguments(write: ObjectWrite, body: bytes, content: Content) -> dict[str, Any]:
    """boto3's arguments for storing bytes, with the checksum that the store is to verify."""
    return {
        "Bucket": write.bucket,
        "Key": write.key,
        "Body": body,
        "Metadata": metadata_for(content.sha256, write.metadata),
        "ChecksumAlgorithm": "SHA256",
        "ChecksumSHA256": base64_from_hex(content.sha256),
        **content_type_argument(write),
        **condition_argument(write),
    }


def content_type_argument(write: ObjectWrite) -> dict[str, Any]:
    """The media type, if there is one: boto3 takes no None."""
    return {"ContentType": write.content_type} if write.content_type else {}


def condition_argument(write: ObjectWrite) -> dict[str, Any]:
    """The condition that the key is free, if it was asked for."""
    return {"IfNoneMatch": "*"} if write.if_none_match else {}


def info_from_write(write: ObjectWrite, content: Content, etag: str, version_id: str | None) -> ObjectInfo:
    """What is known of an object that was just written."""
    return ObjectInfo(
        bucket=write.bucket,
        key=write.key,
        uri=s3_uri(write.bucket, write.key),
        size=content.size,
        etag=_unquoted(etag),
        content_type=write.content_type,
        checksum=content.sha256,
        version_id=_real_version(version_id),
    )


def info_from_head(bucket: str, key: str, answer: HeadObjectOutputTypeDef) -> ObjectInfo:
    """What a HEAD says; the checksum is S3's own, else the one that the writer put into the metadata."""
    return ObjectInfo(
        bucket=bucket,
        key=key,
        uri=s3_uri(bucket, key),
        size=answer["ContentLength"],
        etag=_unquoted(answer["ETag"]),
        content_type=answer.get("ContentType"),
        checksum=_checksum_of_the_whole(answer) or answer.get("Metadata", {}).get(METADATA_KEY),
        version_id=_real_version(answer.get("VersionId")),
        modified=answer["LastModified"].timestamp() if "LastModified" in answer else None,
    )


def info_from_listing(bucket: str, entry: ObjectTypeDef) -> ObjectInfo:
    """What a listing says, which is the time of writing, but neither media type nor checksum."""
    key = entry["Key"]
    return ObjectInfo(
        bucket=bucket,
        key=key,
        uri=s3_uri(bucket, key),
        size=entry["Size"],
        etag=_unquoted(entry["ETag"]),
        modified=entry["LastModified"].timestamp(),
    )


def s3_uri(bucket: str, key: str) -> str:
    """The address as the AWS tools write it."""
    return f"s3://{bucket}/{key}"


def _unquoted(etag: str) -> str:
    return etag.strip('"')


def _checksum_of_the_whole(answer: HeadObjectOutputTypeDef) -> str | None:
    """S3's SHA-256, unless it may be one of the parts' checksums, as it is after an upload in parts."""
    is_whole = answer.get("ChecksumType") == "FULL_OBJECT"
    return hex_from_base64(answer.get("ChecksumSHA256")) if is_whole else None


def _real_version(version_id: str | None) -> str | None:
    """S3 calls the only version of an unversioned object "null"."""
    return None if version_id == "null" else version_id
