"""The resource store in one DynamoDB table, for the AWS edge and self-hosted replicas; ``chalicelib.main`` builds it.

``docs/decisions/0002-one-table.md`` has the keys and the reasons. In short: a resource is the item (kind, id). What
must hold together with it (its unique names, its place under its parent) are *claims*, items of their own, written in
one transaction with it. ``holds`` is a digest of a resource's claims: while it stays the same, an update is a single
conditional ``PutItem`` and no claim is read or written.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from itertools import chain, islice
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.connection.base import MetaTable
from pynamodb.connection.table import TableConnection
from pynamodb.exceptions import PynamoDBException, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from chalicelib.adapters.streams import RECORDS_A_READ, Streams
from chalicelib.errors import AlreadyExists, Busy, Conflict, LariatError, NameTaken, TooLarge, Unavailable
from chalicelib.store.codec import Packed, decode, decode_all, pack
from chalicelib.types import Change, Clock, Key, Page, Random, Resource, Write

Item = Mapping[str, Mapping[str, str]]

MAX_ACTIONS = 100
_KEYS_A_BATCH = 100
_CONTENTION = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
_THROTTLED = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
}
_TEMPORARY = {"InternalServerError", "ServiceUnavailable", "TransactionInProgressException"}
_SCHEMA = {
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
}


class Claim(NamedTuple):
    """The key of an item that a resource holds besides its own."""

    pk: str
    sk: str


class Action(NamedTuple):
    """One part of a transaction, and what it means when its condition fails."""

    put: bool
    arguments: dict[str, Any]
    error: LariatError


class DynamoStore:
    """A ``Store``. ``host`` and the keys are for DynamoDB-compatible engines and tests; on AWS the role decides."""

    def __init__(
        self,
        table: str,
        clock: Clock,
        random: Random,
        *,
        region: str,
        host: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        attempts: int = 5,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._random = random
        self._attempts = attempts
        self._sleep = sleep
        self._table = TableConnection(
            table,
            region=region,
            host=host,
            connect_timeout_seconds=2,
            read_timeout_seconds=5,
            max_retry_attempts=attempts - 1,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            meta_table=MetaTable({"TableName": table, **_SCHEMA}),
        )
        self._region = region
        self._host = host

    def create_table(self) -> None:
        """Create the table, for tests and self-hosted engines; Terraform does it on AWS."""
        with _translated():
            self._table.connection.create_table(
                self._table.table_name,
                attribute_definitions=_SCHEMA["AttributeDefinitions"],
                key_schema=_SCHEMA["KeySchema"],
                stream_specification={"stream_enabled": True, "stream_view_type": "OLD_IMAGE"},
                billing_mode="PAY_PER_REQUEST",
            )
            self._table.update_time_to_live("expires")

    def get(self, key: Key) -> Resource | None:
        with _translated():
            item = self._table.get_item(*key, consistent_read=True).get("Item")
        return decode(item["body"]["S"]) if item and self._alive(item) else None

    def several(self, keys: Sequence[Key]) -> Sequence[Resource]:
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Resource] = {}
        with _translated():
            for start in range(0, len(wanted), _KEYS_A_BATCH):
                found |= self._load(wanted[start : start + _KEYS_A_BATCH])
        return [found[key] for key in wanted if key in found]

    def list(self, kind: str, parent: str | None = None, *, after: str = "", limit: int = 1000) -> Page:
        found = self._of_parent(kind, parent, after, limit) if parent else self._of_kind(kind, after, limit)
        with _translated():
            matching = (resource for resource in found if parent is None or resource.parent == parent)
            items = tuple(islice(matching, limit + 1))
        return Page(items[:limit], items[limit - 1].id if len(items) > limit else "")

    def ids(self, kind: str, parent: str | None = None) -> Sequence[str]:
        with _translated():
            if parent == "":
                return [resource.id for resource in self._of_kind(kind, "", RECORDS_A_READ) if not resource.parent]
            place = kind if parent is None else _place(kind, parent)
            found = self._query(place, "", RECORDS_A_READ, attributes=("sk", "expires"))
            return [item["sk"]["S"] for item in found if self._alive(item)]

    def holder(self, name: str) -> Key | None:
        with _translated():
            item = self._table.get_item(*_name(name), consistent_read=True).get("Item")
        return Key(*json.loads(item["holder"]["S"])) if item and self._alive(item) else None

    def write(self, *writes: Write) -> Sequence[Resource]:
        packed = pack(writes)
        with _translated():
            if packed and not (len(packed) == 1 and self._write_alone(writes[0], packed[0])):
                self._transact(writes, packed)
        return [after.resource for after in packed]

    def changes(self, after: str, limit: int = 1000) -> Sequence[Change]:
        with _translated():
            return self._streams.changes(after, limit)

    @cached_property
    def _streams(self) -> Streams:
        session = self._table.connection.session
        client = session.create_client("dynamodbstreams", region_name=self._region, endpoint_url=self._host)
        return Streams(client, str(self._table.describe_table()["LatestStreamArn"]))

    def _of_kind(self, kind: str, after: str, limit: int) -> Iterator[Resource]:
        for items in self._pages(kind, after, limit + 1):
            yield from self._decoded(items)

    def _of_parent(self, kind: str, parent: str, after: str, limit: int) -> Iterator[Resource]:
        claims = self._query(_place(kind, parent), after, limit + 1)
        while ids := [claim["sk"]["S"] for claim in islice(claims, _KEYS_A_BATCH)]:
            found = self._load([Key(kind, id) for id in ids])
            yield from (found[key] for key in sorted(found))

    def _decoded(self, items: Iterable[Item]) -> Sequence[Resource]:
        return decode_all([item["body"]["S"] for item in items if self._alive(item)])

    def _query(self, pk: str, after: str, limit: int, attributes: Sequence[str] = ()) -> Iterator[Item]:
        return chain.from_iterable(self._pages(pk, after, limit, attributes))

    def _pages(self, pk: str, after: str, limit: int, attributes: Sequence[str] = ()) -> Iterator[Sequence[Item]]:
        condition = Path("sk") > {"S": after} if after else None
        start = None
        while True:
            page = self._table.query(
                pk,
                condition,
                attributes_to_get=list(attributes) or None,
                consistent_read=True,
                exclusive_start_key=start,
                limit=min(limit, RECORDS_A_READ),
            )
            yield page["Items"]
            start = page.get("LastEvaluatedKey")
            if not start:
                return

    def _load(self, keys: Sequence[Key]) -> dict[Key, Resource]:
        """Read up to 100 resources, consistently; DynamoDB may answer in parts."""
        found: dict[Key, Resource] = {}
        wanted: Any = [{"pk": {"S": kind}, "sk": {"S": id}} for kind, id in keys]
        for attempt in range(self._attempts):
            answer = self._table.batch_get_item(wanted, consistent_read=True)
            items = answer["Responses"].get(self._table.table_name, [])
            found |= {resource.key: resource for resource in self._decoded(items)}
            wanted = answer.get("UnprocessedKeys", {}).get(self._table.table_name, {}).get("Keys")
            if not wanted:
                return found
            if not items:
                self._back_off(attempt)
        raise Busy("the database is too busy")

    def _write_alone(self, write: Write, after: Packed) -> bool:
        """Write one item if no claim changes; otherwise, or when its condition fails, leave it to a transaction."""
        before, (resource, text) = write.resource, after
        claims = _claims(resource)
        if claims and (before.version == 0 or text is None):
            return False
        condition = self._unchanged(before)
        if before.version:
            holds = Path("holds")
            condition &= holds == {"S": _digest(resource)} if claims else holds.does_not_exist()
        token = self._random.bytes(12).hex()
        try:
            if text is None:
                self._table.delete_item(*resource.key, condition)
            else:
                self._table.put_item(*resource.key, _attributes(resource, text, token), condition)
        except PynamoDBException as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return self._wrote(resource.key, token)
            if error.cause_response_code == "TransactionConflictException":
                return False
            raise
        return True

    def _wrote(self, key: Key, token: str) -> bool:
        """Tell whether our own write is there: its answer got lost, and the retry met what it had written."""
        item = self._table.get_item(*key, consistent_read=True).get("Item") or {}
        return bool(item.get("token") == {"S": token})

    def _transact(self, writes: Sequence[Write], packed: Sequence[Packed]) -> None:
        for attempt in range(self._attempts):
            actions = self._plan(writes, packed)
            try:
                self._commit(actions)
                return
            except TransactWriteError as error:
                reasons = error.cancellation_reasons
                for action, reason in zip(actions, reasons, strict=False):
                    if reason and reason.code == "ConditionalCheckFailed":
                        raise action.error from error
                if not any(reason and reason.code in _CONTENTION for reason in reasons):
                    raise
            self._back_off(attempt)
        raise Busy("the database is too busy")

    def _commit(self, actions: Sequence[Action]) -> None:
        self._table.connection.transact_write_items(
            condition_check_items=[],
            delete_items=[action.arguments for action in actions if not action.put],
            put_items=[action.arguments for action in actions if action.put],
            update_items=[],
        )

    def _plan(self, writes: Sequence[Write], packed: Sequence[Packed]) -> Sequence[Action]:
        """Decide what a transaction does, deletes first, as PynamoDB sends it."""
        stored = self._load([write.resource.key for write in writes])
        for write in writes:
            _check_version(write.resource, stored.get(write.resource.key))
        actions = [self._replace(write, after) for write, after in zip(writes, packed, strict=True)]
        actions += self._move_claims(list(stored.values()), [resource for resource, text in packed if text])
        if len(actions) > MAX_ACTIONS:
            raise TooLarge(f"the writes take {len(actions)} items at once; at most {MAX_ACTIONS}")
        return sorted(actions, key=lambda action: action.put)

    def _replace(self, write: Write, after: Packed) -> Action:
        key, condition = write.resource.key, self._unchanged(write.resource)
        error = _already_exists(key) if write.resource.version == 0 else _moved(key)
        if after.text is None:
            return self._delete(*key, condition, error)
        return self._put(*key, _attributes(after.resource, after.text), condition, error)

    def _move_claims(self, before: Sequence[Resource], after: Sequence[Resource]) -> Iterator[Action]:
        released = {claim: resource for resource in before for claim in _claims(resource)}
        taken: dict[Claim, Resource] = {}
        for resource in after:
            for claim in _claims(resource):
                if taken.setdefault(claim, resource) is not resource:
                    raise _name_taken(claim)
        for claim, old in released.items():
            if claim not in taken:
                yield self._delete(*claim, Path("holder") == {"S": _holder(old)}, _moved(old.key))
        for claim, new in taken.items():
            if claim not in released:
                yield self._put(*claim, _claim_attributes(new), self._absent(), _name_taken(claim))
            elif (old := released[claim]).key != new.key or old.expires != new.expires:
                held = Path("holder") == {"S": _holder(old)}
                yield self._put(*claim, _claim_attributes(new), held, _moved(new.key))

    def _put(self, pk: str, sk: str, attributes: Item, condition: Condition, error: LariatError) -> Action:
        return Action(
            True,
            self._table.get_operation_kwargs(pk, sk, key="Item", attributes=attributes, condition=condition),
            error,
        )

    def _delete(self, pk: str, sk: str, condition: Condition, error: LariatError) -> Action:
        return Action(False, self._table.get_operation_kwargs(pk, sk, condition=condition), error)

    def _alive(self, item: Item) -> bool:
        return "expires" not in item or int(item["expires"]["N"]) > self._clock.now()

    def _absent(self) -> Condition:
        absent: Condition = Path("pk").does_not_exist() | (Path("expires") <= self._moment())
        return absent

    def _unchanged(self, resource: Resource) -> Condition:
        if resource.version == 0:
            return self._absent()
        alive = Path("expires").does_not_exist() | (Path("expires") > self._moment())
        unchanged: Condition = (Path("version") == {"N": str(resource.version)}) & alive
        return unchanged

    def _moment(self) -> dict[str, str]:
        return {"N": str(int(self._clock.now()))}

    def _back_off(self, attempt: int) -> None:
        jitter = int.from_bytes(self._random.bytes(2)) / 65_536
        self._sleep(jitter * min(0.05 * 2**attempt, 1.0))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PynamoDBException as error:
        _raise_known(error, error.cause_response_code or "")
        if isinstance(error.cause, BotoCoreError):
            raise Unavailable("the database does not answer") from error
        raise
    except BotoCoreError as error:
        raise Unavailable("the database does not answer") from error
    except ClientError as error:
        _raise_known(error, error.response["Error"]["Code"])
        raise


def _raise_known(error: Exception, code: str) -> None:
    if code in _THROTTLED:
        raise Busy("the database is too busy") from error
    if code in _TEMPORARY:
        raise Unavailable("the database does not answer") from error


def _check_version(resource: Resource, stored: Resource | None) -> None:
    if stored is None and resource.version:
        raise Conflict(f"{resource.kind} {resource.id} is gone")
    if stored and not resource.version:
        raise _already_exists(resource.key)
    if stored and stored.version != resource.version:
        raise _moved(resource.key)


def _already_exists(key: Key) -> AlreadyExists:
    return AlreadyExists(f"{key.kind} {key.id} already exists")


def _moved(key: Key) -> Conflict:
    return Conflict(f"{key.kind} {key.id} has changed since it was read")


def _name_taken(claim: Claim) -> NameTaken:
    return NameTaken(f"{claim.pk.partition('#')[2]} is taken")


def _claims(resource: Resource) -> list[Claim]:
    places = [Claim(_place(resource.kind, resource.parent), resource.id)] if resource.parent else []
    return [_name(name) for name in resource.unique] + places


def _name(name: str) -> Claim:
    return Claim(f"name#{name}", "#")


def _place(kind: str, parent: str) -> str:
    return f"in#{kind}#{parent}"


def _digest(resource: Resource) -> str:
    return sha256(json.dumps([resource.expires, sorted(_claims(resource))]).encode()).hexdigest()


def _holder(resource: Resource) -> str:
    return json.dumps(resource.key)


def _attributes(resource: Resource, text: str, token: str = "") -> dict[str, dict[str, str]]:
    attributes = {"body": {"S": text}, "version": {"N": str(resource.version)}} | _expiry(resource)
    if token:
        attributes["token"] = {"S": token}
    if _claims(resource):
        attributes["holds"] = {"S": _digest(resource)}
    return attributes


def _claim_attributes(resource: Resource) -> dict[str, dict[str, str]]:
    return {"holder": {"S": _holder(resource)}} | _expiry(resource)


def _expiry(resource: Resource) -> dict[str, dict[str, str]]:
    return {} if resource.expires is None else {"expires": {"N": str(resource.expires)}}
