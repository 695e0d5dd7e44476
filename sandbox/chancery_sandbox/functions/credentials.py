"""The credentials that functions are given: which function, and which version of it, an access key was issued to.

AWS remembers it for the life of the session, wherever the credentials are used.
https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.sts.models import sts_backends

from .deployment import Deployment

_LIFE = 3600
"""Seconds that they are good for."""


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
        """As AWS's SDKs write credentials down."""
        return {
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key,
            "SessionToken": self.session_token,
            "Expiration": self.expiration,
        }


_BY_ACCESS_KEY: dict[str, Credentials] = {}
_NEWEST: dict[str, Credentials] = {}


def issue(deployment: Deployment) -> Credentials:
    """Begin a session of the function's role, named as Lambda names it: after the function."""
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
    """What is known of an access key that a function was given; nothing of every other."""
    return _BY_ACCESS_KEY.get(access_key)


def newest(arn: str) -> Credentials | None:
    """What the newest execution environment of a function was given."""
    return _NEWEST.get(arn)
