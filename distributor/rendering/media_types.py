"""Media types of the files that an issue may carry, the same on every machine.

The stdlib's `mimetypes` reads the system's own tables, so the same feed would have other bytes elsewhere. A file's
name enters, an IANA media type leaves.
"""

from pathlib import PurePosixPath
from types import MappingProxyType

_UNKNOWN = "application/octet-stream"
_OFFICE = "application/vnd.openxmlformats-officedocument"
_TYPES = MappingProxyType(
    {
        ".csv": "text/csv",
        ".doc": "application/msword",
        ".docx": f"{_OFFICE}.wordprocessingml.document",
        ".gif": "image/gif",
        ".jpeg": "image/jpeg",
        ".jpg": "image/jpeg",
        ".mp3": "audio/mpeg",
        ".mp4": "video/mp4",
        ".pdf": "application/pdf",
        ".png": "image/png",
        ".ppt": "application/vnd.ms-powerpoint",
        ".pptx": f"{_OFFICE}.presentationml.presentation",
        ".rar": "application/vnd.rar",
        ".txt": "text/plain",
        ".xls": "application/vnd.ms-excel",
        ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
        ".zip": "application/zip",
    }
)


def media_type(file: PurePosixPath) -> str:
    """Return the media type by the file's last suffix, application/octet-stream where it is not known."""
    return _TYPES.get(file.suffix.lower(), _UNKNOWN)
