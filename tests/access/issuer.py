"""A Supabase project for tests: it publishes keys over HTTP and signs tokens."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

JWKS_PATH = "/auth/v1/.well-known/jwks.json"
SUBJECT = "6f1c2a9e-51f5-4c0e-9a54-0d1d6b7a3c11"
# Made once: an RSA key costs a second.
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Project:
    """Keys by their `kid`, and the server that publishes them."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.requests: list[str] = []
        self.answer: tuple[int, bytes] | None = None
        self.headers: dict[str, str] = {}
        self.pause = 0.0
        self.url = "https://abc.supabase.co"
        self.server: ThreadingHTTPServer | None = None

    def add_key(self, kid: str, kind: str = "EC") -> Any:
        """A new key, published from now on."""
        self.keys[kid] = RSA_KEY if kind == "RSA" else ec.generate_private_key(ec.SECP256R1())
        return self.keys[kid]

    def jwks(self) -> bytes:
        return orjson.dumps({"keys": [as_jwk(kid, key) for kid, key in self.keys.items()]})

    def token(self, kid: str, *, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        key = self.keys[kid]
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        return sign(self.claims(**claims), key, algorithm, kid=kid, **(headers or {}))

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What Supabase puts into a token; a claim that is changed to None is left out."""
        now = int(time.time())
        claims = {
            "iss": f"{self.url}/auth/v1", "aud": "authenticated", "sub": SUBJECT, "iat": now, "exp": now + 3600,
            "role": "authenticated", "email": "eve@example.com", "aal": "aal1", "session_id": "s",
            "is_anonymous": False, "app_metadata": {"provider": "email"}, "user_metadata": {},
        } | changes  # fmt: skip
        return {name: value for name, value in claims.items() if value is not None}

    def start(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """From now on nobody listens there."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        project = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                project.requests.append(self.path)
                time.sleep(project.pause)
                found = (200, project.jwks()) if self.path == JWKS_PATH else (404, b"")
                status, body = project.answer or found
                self.send_response(status)
                for name, value in project.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        return Handler


def as_jwk(kid: str, key: Any) -> dict[str, Any]:
    kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    algorithm = "RS256" if kind is RSAAlgorithm else "ES256"
    return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", "alg": algorithm}


def sign(claims: dict[str, Any], key: Any, algorithm: str, **headers: Any) -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)
