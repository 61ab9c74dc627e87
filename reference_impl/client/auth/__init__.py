"""Authorization of a client: everything between a 401 and the request that is let through.

grant = AuthorizationCode(client=ClientDescription(name="my client"))
settings = ClientSettings(authorizer=OAuth(grant, FileStore(path)))
"""

from reference_impl.client.auth.code_grant import AuthorizationCode
from reference_impl.client.auth.credentials import ClientIdentity, Tokens
from reference_impl.client.auth.machine_grants import (
    ClientCredentials,
    EnterpriseManaged,
    IdentityProvider,
    WorkloadIdentity,
)
from reference_impl.client.auth.oauth import OAuth
from reference_impl.client.auth.registration import ClientDescription
from reference_impl.client.auth.storage import FileStore, MemoryStore, Store
from reference_impl.client.auth.user_agent import Browser, Callback, UserAgent
from reference_impl.client.auth.venue import Grant

__all__ = [
    "AuthorizationCode",
    "Browser",
    "Callback",
    "ClientCredentials",
    "ClientDescription",
    "ClientIdentity",
    "EnterpriseManaged",
    "FileStore",
    "Grant",
    "IdentityProvider",
    "MemoryStore",
    "OAuth",
    "Store",
    "Tokens",
    "UserAgent",
    "WorkloadIdentity",
]
