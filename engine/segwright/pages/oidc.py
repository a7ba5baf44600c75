"""Signing in by the provider: away, and back."""

from __future__ import annotations

from typing import Final

from segwright.accounts import sessions, signing_in
from segwright.pages.answer import Answer, Go, Page, Refused, not_there
from segwright.pages.gate import new_token, safe_next
from segwright.pages.provider import NotKnown, Provider
from segwright.pages.routes import Call, Route

BACK: Final = "/sign-in/provider/back"


def _provider(call: Call) -> Provider:
    found: Provider | None = call.parts["provider"]
    if found is None:
        raise not_there()
    return found


async def away(call: Call) -> Answer:
    """To the provider."""
    onward = safe_next(call.query["next"])
    if call.known is not None:
        return Go(onward)
    try:
        return Go(await _provider(call).away(call.token, onward, call.now))
    except NotKnown as error:
        raise _sorry(call, error) from None


async def back(call: Call) -> Answer:
    """From the provider, with a code."""
    provider = _provider(call)
    if call.known is not None:
        return Go("/")
    state, code = call.query["state"], call.query["code"]
    try:
        onward = safe_next(provider.onward(call.token, state, call.now))
        if not code:
            raise NotKnown("it let nobody in")
        subject = await provider.subject(call.token, state, code, call.query["iss"], call.now)
    except NotKnown as error:
        raise _sorry(call, error) from None
    token, limits = new_token(), call.parts["limits"]
    assert isinstance(limits, sessions.Limits)
    issuer = provider.settings.issuer
    if await call.write(lambda tx: signing_in.enter_by(tx, issuer, subject, token, limits)):
        return Go(onward, session=token)
    return Page("unknown.html", {"subject": subject, "provider": provider.settings.name}, status=403)


def _sorry(call: Call, error: NotKnown) -> Refused:
    call.log("sign-in by provider refused", level="warning", reason=error.reason)
    text = "Start again from the sign-in page. If it fails again, your operator finds the reason in the log."
    return Refused(403, "The sign-in did not work", text)


ROUTES: Final = (
    Route("GET", "/sign-in/provider", "provider", away, needs="nobody"),
    Route("GET", BACK, "provider-back", back, needs="nobody"),
)
