"""The protocol as pygls speaks it, but a message that cannot be understood gets an answer, and breaks nothing."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.json_rpc import JsonRPCNotification

__all__ = ["Protocol"]

_IGNORED = JsonRPCNotification(method="$/ignored", params=None, jsonrpc="2.0")  # "$/": servers may ignore these


class Protocol(LanguageServerProtocol):
    """Answers malformed requests with an error, and ignores notifications about documents whose URI is none."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        """A message as an object; called by pygls for each JSON object that arrives."""
        try:
            message = super().structure_message(data)
        except JsonRpcException as error:
            if "id" not in data or "method" not in data:
                raise
            if isinstance(data["id"], int | str):
                answer = types.ResponseError(error.CODE, f"{error.MESSAGE}: {data['method']!s:.100}")
                self._send_response(data["id"], error=answer)
            return _IGNORED
        document = getattr(getattr(message, "params", None), "text_document", None)
        if document is None or hasattr(message, "id") or _is_uri(document.uri):
            return message
        return _IGNORED  # pygls would raise


def _is_uri(text: str) -> bool:
    try:
        urlsplit(text)
    except ValueError:
        return False
    return True
