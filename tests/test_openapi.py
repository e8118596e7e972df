"""The service is what its OpenAPI document says: schemathesis makes requests of it, and checks the answers."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
import schemathesis

import spoilerguard as sg
from spoilerguard.serving.service import app


class Bundled:
    """The bundled model, loaded when it is first asked: the tests are made when this file is read."""

    name, version = "fast", "1"

    def flag(self, text: str, **options: Any) -> sg.Report:
        return sg.flag(text, **options)


bundled: Any = Bundled()
described = schemathesis.openapi.from_asgi("/openapi.json", app(bundled))


@described.parametrize()
@settings(derandomize=True, max_examples=25)
def test_requests_made_of_the_document_are_answered_as_it_says(case: schemathesis.Case) -> None:
    response = case.call()
    # No schema can say which style can hide what is in a text; for all else, a request by the document is right.
    unfit = response.status_code == 422 and "errors" not in response.json()
    case.validate_response(response, excluded_checks=[schemathesis.checks.positive_data_acceptance] if unfit else [])
