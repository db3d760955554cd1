"""The image, built once. What else is needed is in .cache/deploy-tools, which `make test-deploy` puts on PYTHONPATH."""

from pathlib import Path

import engine
import pytest
from stack import PROJECT

CONTEXTS = PROJECT / "target" / "image"


@pytest.fixture(scope="session")
def image_context() -> Path:
    """What `deploy/image/build` made, which `make test-deploy` runs first."""
    contexts = sorted(CONTEXTS.glob("*/context"))
    assert contexts, "there is no context of an image: `make test-deploy` builds it"
    return contexts[0]


@pytest.fixture(scope="session")
def image(image_context: Path) -> str:
    engine.build("portcullis:0.1.0", image_context)
    return "localhost/portcullis:0.1.0"
