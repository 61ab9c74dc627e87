"""The names of the scenarios of authorization, and of what a client is told beforehand."""

from __future__ import annotations

USUAL = "auth"
CHALLENGE = "auth-challenge"
TENANT = "auth-tenant"
FALLBACK = "auth-fallback"
OPENID = "auth-openid"
STEP_UP = "auth-step-up"
STEP_UP_REFUSED = "auth-step-up-refused"
EXPIRY = "auth-expiry"
REFRESH = "auth-refresh"
STATE_OTHER = "auth-state-other"
STATE_NONE = "auth-state-none"
NO_PKCE = "auth-no-pkce"
NO_PKCE_OPENID = "auth-no-pkce-openid"
ISSUER_OTHER = "auth-issuer-other"
ISS_MISSING = "auth-iss-missing"
ISS_FOREIGN = "auth-iss-foreign"
ISS_UNPROMISED = "auth-iss-unpromised"
ISS_SLASH = "auth-iss-slash"
ISS_CASE = "auth-iss-case"
ISS_PERCENT = "auth-iss-percent"
ISS_ERROR = "auth-iss-error"
MOVED = "auth-moved"
PREREGISTERED = "auth-preregistered"
DOCUMENTS = "auth-documents"
REGISTRATION_REFUSED = "auth-registration-refused"
CAPITALS = "auth-capitals"
CERTIFICATE = "auth-certificate"
EARLY = "auth-early"
EARLY_PATHS = "auth-early-paths"

ALL = tuple(value for name, value in list(globals().items()) if name.isupper())
"""Every scenario, for what is judged wherever a client authorizes itself."""

PREREGISTERED_ID = "touchstone-preregistered"
PREREGISTERED_SECRET = "touchstone-preregistered-secret"  # noqa: S105 - told to every client, and good for nothing
