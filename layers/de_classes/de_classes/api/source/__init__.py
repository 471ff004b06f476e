"""What a source is, said once and read alike by the command line, the library and the worker."""

from de_classes.api.auth.kept_secrets import Secrets
from de_classes.api.source.binding import Resource, Source
from de_classes.api.source.description import ResourceDescription, SourceDescription, SourceFile
from de_classes.api.source.loading import load_sources, shipped_names
from de_classes.api.source.secrets import EnvironmentSecrets, FileSecrets, NoSecrets
from de_classes.api.source.secrets_manager import SecretsManagerSecrets

__all__ = [
    "EnvironmentSecrets",
    "FileSecrets",
    "NoSecrets",
    "Resource",
    "ResourceDescription",
    "Secrets",
    "SecretsManagerSecrets",
    "Source",
    "SourceDescription",
    "SourceFile",
    "load_sources",
    "shipped_names",
]
