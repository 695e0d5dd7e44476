"""Credentials of functions, and the function and version that each access key was issued to.

On AWS these are properties of the session, wherever its credentials are used.
https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.sts.models import sts_backends

from .deployment import Deployment

_LIFE = 3600
"""Lifetime of a session, in seconds."""


@dataclass(frozen=True)
class Credentials:
    """A session of a function's role."""

    function: str
    """ARN of the function, without qualifier."""
    version: str
    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: str

    def answer(self) -> dict[str, str]:
        """In the JSON of AWS's credential providers."""
        return {
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key,
            "SessionToken": self.session_token,
            "Expiration": self.expiration,
        }


_BY_ACCESS_KEY: dict[str, Credentials] = {}
_NEWEST: dict[str, Credentials] = {}


def issue(deployment: Deployment) -> Credentials:
    """Start a session of the function's role. Lambda names sessions after the function."""
    role: Any = sts_backends[deployment.account]["aws"].assume_role(
        region_name=deployment.region,
        role_session_name=deployment.name,
        role_arn=deployment.role,
        policy="",
        duration=_LIFE,
        external_id="",
    )
    credentials = Credentials(
        deployment.arn,
        deployment.version,
        role.access_key_id,
        role.secret_access_key,
        role.session_token,
        role.expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    _BY_ACCESS_KEY[credentials.access_key_id] = credentials
    _NEWEST[deployment.arn] = credentials
    return credentials


def issued_to(access_key: str) -> Credentials | None:
    """The credentials with this access key, if they were issued to a function."""
    return _BY_ACCESS_KEY.get(access_key)


def newest(arn: str) -> Credentials | None:
    """The credentials of the newest execution environment of a function."""
    return _NEWEST.get(arn)
