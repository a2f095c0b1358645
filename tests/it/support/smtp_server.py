"""A real SMTP server (aiosmtpd) on a free port of 127.0.0.1, for the tests of mail.

Reads one JSON object from its arguments, prints one a line: first its port, then whatever happens to
it. A mail is read by Python's own email package, which knows nothing of who wrote it.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

settings = json.loads(sys.argv[1])


def tell(event, **what):
    print(json.dumps({"event": event, **what}), flush=True)


class Handler:
    def __init__(self):
        self.answers = list(settings.get("answers", []))

    async def handle_RCPT(self, server, session, envelope, address, options):
        refused = settings.get("refused", {}).get(address)
        if refused is None:
            envelope.rcpt_tos.append(address)
        return refused or "250 OK"

    async def handle_DATA(self, server, session, envelope):
        raw = envelope.original_content
        mail = email.message_from_bytes(raw, policy=email.policy.SMTP)
        tell(
            "mail",
            sender=envelope.mail_from,
            recipients=envelope.rcpt_tos,
            is_tls=session.ssl is not None or settings["tls"] == "first",
            user=session.auth_data,
            headers=[[name, str(value)] for name, value in mail.items()],
            defects=[str(one) for one in mail.defects]
            + [f"{name}: {one}" for name, value in mail.items() for one in value.defects],
            type=mail.get_content_type(),
            charset=mail.get_content_charset(),
            text=mail.get_payload(decode=True).decode("utf-8"),
            raw=raw.decode("ascii"),
        )
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer == "cut":
            server.transport.abort()
        return answer


def authenticate(server, session, envelope, mechanism, data):
    user, password = data.login.decode(), data.password.decode()
    tell("login", mechanism=mechanism, user=user, password=password)
    if [user, password] != settings.get("login"):
        return AuthResult(success=False, handled=False)
    session.auth_data = user
    return AuthResult(success=True, auth_data=user)


def context():
    if settings["tls"] == "none":
        return None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(settings["certificate"], settings["key"])
    return made


async def main():
    handler, is_first, tls = Handler(), settings["tls"] == "first", context()

    def connected():
        tell("connected")
        return SMTP(
            handler,
            hostname="mail.example",
            tls_context=None if is_first else tls,
            require_starttls=not is_first and tls is not None,
            authenticator=authenticate,
            auth_required="login" in settings,
            auth_require_tls=not is_first,
            auth_exclude_mechanism=settings.get("without", []),
        )

    server = await asyncio.get_running_loop().create_server(
        connected, "127.0.0.1", 0, ssl=tls if is_first else None
    )
    tell("listening", port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
