"""SNS as moto has it, mended: Lambda subscribers get the real notice, in the background, as AWS delivers it.

https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import uuid
from collections.abc import Callable
from typing import Any

from moto.sns.models import Subscription

from .functions import Later, by_arn
from .functions.invocation import Event


def mend(later: Later) -> None:
    """Let notices reach the functions that are run by `later`."""
    original: Callable[..., None] = getattr(Subscription.publish, "original", Subscription.publish)

    def publish(self: Subscription, message: str, message_id: str, *rest: Any, **named: Any) -> None:
        if self.protocol != "lambda":
            original(self, message, message_id, *rest, **named)
            return
        attributes = named.get("message_attributes") or {}
        matcher = self._filter_policy_matcher
        if matcher is not None and not matcher.matches(attributes, message):
            return
        if named.get("message_structure") == "json":
            parts = json.loads(message)
            message = parts.get("lambda", parts["default"])
        record = _record(self, message, message_id, named.get("subject"), attributes)
        event = Event(json.dumps({"Records": [record]}).encode(), self.endpoint)
        later.accept(by_arn(self.endpoint), event, by="sns.amazonaws.com", source=self.topic.arn)

    publish.original = original  # type: ignore[attr-defined]
    Subscription.publish = publish


def _record(
    subscription: Subscription, message: str, message_id: str, subject: str | None, attributes: dict[str, Any]
) -> dict[str, Any]:
    region = subscription.topic.arn.split(":")[3]
    host = f"https://sns.{region}.amazonaws.com"
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "Sns": {
            "Type": "Notification",
            "MessageId": message_id,
            "TopicArn": subscription.topic.arn,
            "Subject": subject,
            "Message": message,
            "Timestamp": now,
            "SignatureVersion": "1",
            # Functions do not check it: the event came by Lambda, not over the internet.
            "Signature": base64.b64encode(uuid.uuid4().bytes).decode(),
            "SigningCertUrl": f"{host}/SimpleNotificationService-{'0' * 32}.pem",
            "UnsubscribeUrl": f"{host}/?Action=Unsubscribe&SubscriptionArn={subscription.arn}",
            "MessageAttributes": {
                name: {"Type": value["Type"], "Value": _text(value["Value"])} for name, value in attributes.items()
            },
        },
    }


def _text(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
