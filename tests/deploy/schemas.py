"""Schemas of Kubernetes: every version from 1.29, where native sidecars came, to the newest that is known."""

import warnings

import kubernetes_validate

OLDEST = 29


def versions() -> list[str]:
    newest = int(kubernetes_validate.latest_version().split(".")[1])
    assert newest >= 37, newest
    return [f"1.{minor}" for minor in range(OLDEST, newest + 1)]


def check(document: dict, version: str) -> None:
    """Raises where a field is unknown, missing or of the wrong type."""
    with warnings.catch_warnings():
        # An unknown kind is a warning there and would pass here.
        warnings.simplefilter("error")
        kubernetes_validate.validate(document, version, strict=True)
