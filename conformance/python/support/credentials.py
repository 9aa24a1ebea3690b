"""A credential for Microsoft's SDKs that needs no sign-in."""

import time
from typing import Any

from azure.core.credentials import AccessToken

from support.emulators import ACCESS_TOKEN

FOUNDRY_SCOPE = "https://ai.azure.com/.default"


class StaticCredential:
    """A `TokenCredential` that hands out one token, and only for the audience of Foundry agents."""

    def __init__(self, token: str = ACCESS_TOKEN) -> None:
        self._token = token

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        assert scopes == (FOUNDRY_SCOPE,), f"asked for a token of another audience: {scopes}"
        return AccessToken(self._token, int(time.time()) + 3600)
