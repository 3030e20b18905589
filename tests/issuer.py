"""A small OpenID Connect issuer on loopback, where whoever comes is signed in: for the tests of signing in."""

import base64
import hashlib
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from kubewright.client.config import Oidc
from kubewright.clock import Clock
from tests.e2e.dashboards import VIEWER, dashboard

CLIENT = "kubewright-dashboard"


class Issuer:
    """Gives a code for each sign-in, and for code and verifier a token, which the twin then knows as the viewer's."""

    def __init__(self):
        self.url = ""
        self.known = {}
        """The twin's tokens."""
        self.claims = {}
        """What its tokens say otherwise than they should."""
        self.asked = {}

    @property
    def oidc(self):
        return Oidc(self.url, CLIENT)

    async def handle(self, request):
        match request.path:
            case "/.well-known/openid-configuration":
                ends = {"authorization_endpoint": f"{self.url}/authorize", "token_endpoint": f"{self.url}/token"}
                return web.json_response({"issuer": self.url, **ends})
            case "/authorize":
                code = f"code-{len(self.asked)}"
                self.asked[code] = dict(request.query)
                answer = urlencode({"code": code, "state": request.query["state"]})
                raise web.HTTPFound(f"{request.query['redirect_uri']}?{answer}")
            case "/token":
                return self._token(await request.post())
        raise web.HTTPNotFound

    def _token(self, form):
        asked = self.asked.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        proved = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or proved != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "nonce": asked["nonce"],
            "exp": Clock.wall().now() + 600,
            **self.claims,
        }
        token = f"h.{base64.urlsafe_b64encode(msgspec.json.encode(claims)).rstrip(b'=').decode()}.s"
        self.known[token] = self.known[VIEWER]
        return web.json_response({"id_token": token, "token_type": "Bearer"})


@asynccontextmanager
async def dashboard_with_issuer(folder):
    """A dashboard, and an issuer whose tokens the twin knows as the viewer's, as an API server would."""
    async with _issuing() as issuer, dashboard(folder, oidc=issuer.oidc) as shown:
        issuer.known = shown.twin.server.tokens._known
        yield issuer, shown


@asynccontextmanager
async def _issuing():
    """Have one on a free port, at another site than 127.0.0.1's."""
    issuer = Issuer()
    runner = web.ServerRunner(web.Server(issuer.handle))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        issuer.url = f"http://localhost:{runner.addresses[0][1]}"
        yield issuer
    finally:
        await runner.cleanup()
