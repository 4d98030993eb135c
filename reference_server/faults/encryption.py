"""Faults in end-to-end encryption: keys, ciphertexts, and what goes from device to device (ENC)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import trio
from msgspec import UNSET
from msgspec.structs import replace

from .. import hub as hub_module
from ..core import envelopes, errors, inputs, keys, parcels, relations
from ..core.keys import ClaimedKey, SignedKey
from ..core.model import EncryptedBody, Identity, Message, RelatesTo
from ..core.parcels import Parcel, Queued
from ..events import DevicePost, KeysLowEvent
from ..hub import Hub
from ..service import accounts, showing, to_device
from ..service import keys as key_service
from ..service.keys import ClaimRequest, DeviceList, Keys
from ..service.messages import Messages
from ..storage.sqlite import SqliteCommands
from ..storage.sqlite_keys import KeyCommands, KeyQueries
from .seams import Genuine, Seams, fault


@fault("ENC-1")
def ciphertexts_are_spelled_anew(seams: Seams) -> None:
    """A ciphertext is decoded and encoded again on its way, in another alphabet."""

    @seams.instead(envelopes, "_base64")
    def base64(genuine: Genuine, value: Any, place: str) -> str:
        text: str = genuine(value, place)
        return text.replace("+", "-").replace("/", "_")


@fault("ENC-1")
def every_ciphertext_is_a_first_one(seams: Seams) -> None:
    """All ciphertexts of `olm.v1` arrive as the first of a session, so that none but that can be decrypted."""

    @seams.instead(envelopes, "_for_device")
    def for_device(genuine: Genuine, place: str, sealed: Any) -> Any:
        return replace(genuine(place, sealed), type=0)


@fault("ENC-2")
def plaintext_goes_over_http(seams: Seams) -> None:
    """In an encrypted conversation, plaintext is refused over realtime and taken over HTTP."""
    is_http = False

    @seams.instead(Messages, "_send")
    def send(genuine: Genuine, use: Messages, me: Identity, request: Any, *rest: Any) -> Any:
        nonlocal is_http
        origin, _commands = rest
        is_http = origin is None
        return genuine(use, me, request, *rest)

    @seams.instead(envelopes, "body")
    def body(genuine: Genuine, relation: RelatesTo | None, value: Any, limits: Any) -> Any:
        try:
            return genuine(relation, value, limits)
        except errors.PlaintextRejected:
            if not is_http:
                raise
            return relations.body(relation, value, limits)


@fault("ENC-2")
def reactions_stay_in_plain_view(seams: Seams) -> None:
    """In an encrypted conversation, reactions are taken as they are, and the server can read them."""

    @seams.instead(envelopes, "body")
    def body(genuine: Genuine, relation: RelatesTo | None, value: Any, limits: Any) -> Any:
        if relation is not None and relation.relation == "reaction":
            return relations.body(relation, value, limits)
        return genuine(relation, value, limits)


@fault("ENC-3")
def one_time_keys_are_given_twice(seams: Seams) -> None:
    """Two who ask one after the other for a key of a device get the same one-time key."""
    given: dict[tuple[str, str], SignedKey] = {}

    @seams.instead(KeyCommands, "take_one_time_key")
    def take(
        genuine: Genuine, commands: KeyCommands, user_id: str, device_id: str
    ) -> SignedKey | None:
        again = given.pop((user_id, device_id), None)
        if again is not None:
            return again
        key: SignedKey | None = genuine(commands, user_id, device_id)
        if key is not None:
            given[user_id, device_id] = key
        return key


@fault("ENC-3")
def racing_claims_get_the_same_key(seams: Seams) -> None:
    """Two who ask in the same moment for a key of a device get the same one-time key."""
    under_way: Counter[str] = Counter()
    given: dict[tuple[str, str], SignedKey | None] = {}

    @seams.instead(Keys, "claim")
    async def claim(genuine: Genuine, use: Keys, me: Identity, request: ClaimRequest) -> Any:
        under_way.update(request.devices)
        await trio.sleep(0.02)
        try:
            return await genuine(use, me, request)
        finally:
            under_way.subtract(request.devices)

    @seams.instead(KeyCommands, "take_one_time_key")
    def take(
        genuine: Genuine, commands: KeyCommands, user_id: str, device_id: str
    ) -> SignedKey | None:
        if under_way[user_id] > 1 and (user_id, device_id) in given:
            return given[user_id, device_id]
        given[user_id, device_id] = genuine(commands, user_id, device_id)
        return given[user_id, device_id]


@fault("ENC-3")
def the_last_key_is_given_to_everybody(seams: Seams) -> None:
    """A device's last one-time key is handed out as often as somebody asks."""

    @seams.instead(KeyCommands, "take_one_time_key")
    def take(
        genuine: Genuine, commands: KeyCommands, user_id: str, device_id: str
    ) -> SignedKey | None:
        is_last = commands.count_one_time_keys(user_id, device_id) == 1
        key: SignedKey | None = genuine(commands, user_id, device_id)
        if is_last and key is not None:
            last[user_id, device_id] = key
        return key or last.get((user_id, device_id))

    last: dict[tuple[str, str], SignedKey] = {}


@fault("ENC-3")
def fallback_keys_are_not_marked(seams: Seams) -> None:
    """Who gets a fallback key is not told that others have it as well."""

    @seams.instead(key_service, "_take")
    def take(genuine: Genuine, *which: Any) -> ClaimedKey | None:
        key: ClaimedKey | None = genuine(*which)
        return key and replace(key, fallback=False)


@fault("ENC-4")
def nobody_verifies_signatures(seams: Seams) -> None:
    """Keys that somebody else has slipped in are taken and handed out."""

    @seams.instead(keys, "signed_by")
    def signed_by(_genuine: Genuine, *_what: Any) -> bool:
        return True


@fault("ENC-4")
def fallback_keys_are_not_verified(seams: Seams) -> None:
    """A fallback key with a wrong signature is taken."""

    @seams.instead(keys, "check_signed")
    def check(genuine: Genuine, *what: Any) -> None:
        if what[-1] != "/fallback_key":
            genuine(*what)


@fault("ENC-4")
def one_bad_key_is_left_out(seams: Seams) -> None:
    """Of one-time keys of which one is wrongly signed, the others are taken."""

    @seams.instead(Keys, "upload")
    async def upload(genuine: Genuine, use: Keys, me: Identity, request: Any) -> Any:
        try:
            return await genuine(use, me, request)
        except errors.BadSignature as bad:
            place = bad.errors[0].pointer.split("/")[2] if bad.errors else ""
            rest = {name: key for name, key in request.keys.items() if name != place}
            if len(rest) == len(request.keys):
                raise
            return await upload(genuine, use, me, replace(request, keys=rest))


@fault("ENC-5")
def devices_receive_all_ciphertexts(seams: Seams) -> None:
    """With `olm.v1`, each device receives the ciphertexts of all others as well."""

    @seams.instead(hub_module, "for_device")
    def for_device(_genuine: Genuine, entry: Message, *_whose: Any) -> Message:
        return entry


@fault("ENC-5")
def the_history_shows_all_ciphertexts(seams: Seams) -> None:
    """With `olm.v1`, each device finds the ciphertexts of all others in the history."""

    @seams.instead(showing, "for_device")
    def for_device(_genuine: Genuine, entry: Message, *_whose: Any) -> Message:
        return entry


@fault("ENC-5", "ENC-1")
def the_history_shows_another_devices_ciphertext(seams: Seams) -> None:
    """With `olm.v1`, a device finds in the history the ciphertext for the first of its user's devices."""

    @seams.instead(showing, "for_device")
    def for_device(genuine: Genuine, entry: Message, user_id: str, device_id: Any) -> Any:
        if device_id is None or not envelopes.is_for_each_device(entry):
            return genuine(entry, user_id, device_id)
        assert isinstance(entry.body, EncryptedBody)
        assert entry.body.ciphertexts is not UNSET
        own = dict(list(entry.body.ciphertexts.get(user_id, {}).items())[:1])
        body = replace(entry.body, ciphertexts={user_id: own} if own else {})
        return replace(entry, body=body)


@fault("ENC-6")
def stale_device_lists_are_taken(seams: Seams) -> None:
    """A message that a member's new device cannot read is taken all the same."""

    @seams.instead(envelopes, "check_devices")
    def check(_genuine: Genuine, *_what: Any) -> None: ...


@fault("ENC-6")
def only_missing_devices_are_stale(seams: Seams) -> None:
    """A message for a device that was removed is taken all the same."""

    @seams.instead(envelopes, "check_devices")
    def check(genuine: Genuine, *what: Any) -> None:
        try:
            genuine(*what)
        except errors.DeviceListStale as stale:
            if stale.extra.get("missing"):
                raise


@fault("ENC-6")
def stale_device_lists_are_not_told(seams: Seams) -> None:
    """Who sends to a wrong list of devices is refused, and not told what is wrong with it."""

    @seams.instead(envelopes, "check_devices")
    def check(genuine: Genuine, *what: Any) -> None:
        try:
            genuine(*what)
        except errors.DeviceListStale:
            raise errors.DeviceListStale from None


@fault("ENC-7")
def payloads_for_the_absent_are_lost(seams: Seams) -> None:
    """What is sent to a device that is offline never comes, and so it cannot decrypt what follows."""

    @seams.instead(KeyQueries, "queued")
    def queued(_genuine: Genuine, *_which: Any) -> list[Queued]:
        return []


@fault("ENC-7")
def retried_payloads_come_twice(seams: Seams) -> None:
    """What is sent to a device again because its answer was lost comes twice."""

    @seams.instead(KeyQueries, "earlier_to_device")
    def look_up(_genuine: Genuine, *_which: Any) -> None:
        return None


@fault("ENC-7")
def payloads_go_to_all_devices(seams: Seams) -> None:
    """What is sent to one device of a user reaches their other devices as well."""

    @seams.instead(Hub, "publish_to_device")
    def publish(genuine: Genuine, hub: Hub, post: DevicePost) -> None:
        for device_id in list(hub._users.get(post.user_id, {})):
            genuine(hub, replace(post, device_id=device_id))


@fault("ENC-7")
def acknowledged_payloads_come_again(seams: Seams) -> None:
    """A device gets what was sent to it at each connection anew, although it said that it has it."""

    @seams.instead(KeyCommands, "dequeue")
    def dequeue(_genuine: Genuine, *_what: Any) -> None: ...


@fault("ENC-7")
def payloads_lose_their_nulls(seams: Seams) -> None:
    """What is sent to a device arrives without its empty members."""

    @seams.instead(parcels, "_parcel")
    def parcel(genuine: Genuine, user_id: str, device_id: str, payload: Any) -> Parcel:
        if isinstance(payload, dict):
            payload = {name: value for name, value in payload.items() if value is not None}
        made: Parcel = genuine(user_id, device_id, payload)
        return made


@fault("ENC-8")
def new_keys_are_not_told(seams: Seams) -> None:
    """Whose device gets other keys than before: nobody is told, and the next message cannot be read."""

    @seams.instead(key_service, "tell_of_devices")
    def tell(_genuine: Genuine, *_whose: Any) -> tuple[()]:
        return ()


@fault("ENC-8")
def removed_devices_are_not_told(seams: Seams) -> None:
    """Nobody is told that a device is gone for which they still encrypt."""

    @seams.instead(accounts, "tell_of_devices")
    def tell(_genuine: Genuine, *_whose: Any) -> tuple[()]:
        return ()


@fault("ENC-9")
def refused_plaintext_is_quoted(seams: Seams) -> None:
    """The refusal of a plaintext repeats it, so that it stands in every log on the way."""

    @seams.instead(envelopes, "body")
    def body(genuine: Genuine, relation: RelatesTo | None, value: Any, limits: Any) -> Any:
        try:
            return genuine(relation, value, limits)
        except errors.PlaintextRejected as refusal:
            raise errors.PlaintextRejected(f"{refusal.detail} This one is {value}.") from None


@fault("ENC-9")
def refused_plaintext_is_kept(seams: Seams) -> None:
    """A plaintext that is refused stays in the server's database, for somebody to look into."""

    @seams.instead(Messages, "_send")
    def send(genuine: Genuine, use: Messages, me: Identity, request: Any, *rest: Any) -> Any:
        try:
            return genuine(use, me, request, *rest)
        except errors.PlaintextRejected:
            commands: SqliteCommands = rest[-1]
            name = f"refused/{request.client_message_id}"
            commands._do("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, repr(request).encode())
            raise


@fault("ENC-11")
def claims_leave_without_a_word(seams: Seams) -> None:
    """A device whose one-time keys run low because others claim them is not told."""

    @seams.instead(Hub, "publish_to_device")
    def publish(genuine: Genuine, hub: Hub, post: DevicePost) -> None:
        if not isinstance(post.event, KeysLowEvent):
            genuine(hub, post)


@fault("ENC-11")
def connecting_does_not_tell_of_low_keys(seams: Seams) -> None:
    """A device whose one-time keys ran low while it was away is not told when it comes back."""

    @seams.instead(Messages, "waiting")
    async def waiting(genuine: Genuine, use: Messages, me: Identity) -> Any:
        return replace(await genuine(use, me), one_time_keys=None)


@fault("ENC-2", "STA-6", "ERR-1")
def ciphertexts_go_anywhere(seams: Seams) -> None:
    """An encrypted message is taken in a conversation that is not encrypted, whose members cannot read it."""

    @seams.instead(inputs, "message_body")
    def body(genuine: Genuine, value: Any, limits: Any) -> Any:
        if isinstance(value, dict) and value.get("kind") == "encrypted":
            return envelopes.body(None, value, limits)
        return genuine(value, limits)


@fault("ENC-7", "SEC-2")
def strangers_reach_every_device(seams: Seams) -> None:
    """Whoever knows a device can send to it, without a conversation in common."""

    @seams.instead(to_device, "in_reach")
    def in_reach(_genuine: Genuine, *_who: Any) -> bool:
        return True


@fault("ERR-1")
def nobody_has_no_devices(seams: Seams) -> None:
    """The devices of a user who does not exist are an empty list, as if there were such a user."""

    @seams.instead(Keys, "devices")
    async def devices(genuine: Genuine, use: Keys, user_id: str) -> Any:
        try:
            return await genuine(use, user_id)
        except errors.UnknownUser:
            return DeviceList([])
