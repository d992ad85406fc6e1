"""Which parties and users are there, and who may change that?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from nostro.adapters.domains.canton_double import hosting_shapes
from nostro.adapters.domains.canton_double.administration import Administration
from nostro.adapters.domains.canton_double.app import Asked, Route
from nostro.adapters.domains.canton_double.books import UserChanged
from nostro.adapters.domains.canton_double.deeds import Deeds
from nostro.adapters.domains.canton_double.errors import Malformed, Refusal, denied
from nostro.adapters.domains.canton_double.identity import user_known
from nostro.adapters.domains.canton_double.interpreter import Package
from nostro.adapters.domains.canton_double.ledger import Ledger
from nostro.adapters.domains.canton_double.preparing import USER_ID
from nostro.adapters.domains.canton_double.shapes import Nothing
from nostro.adapters.domains.canton_double.telling import Json

_HINT = re.compile(r"[A-Za-z0-9\-_]{1,180}\Z")


class Hosting:
    """The operations by which parties and users are set up."""

    def __init__(
        self,
        ledger: Ledger,
        deeds: Deeds,
        admin: Administration,
        participant_id: str,
        package: Package,
    ) -> None:
        self._ledger = ledger
        self._deeds = deeds
        self._admin = admin
        self._participant_id = participant_id
        self._package = package

    @property
    def routes(self) -> Mapping[tuple[str, str], Route]:
        """Return the operations."""
        return {
            ("GET", "/v2/parties"): Route(self._parties),
            ("POST", "/v2/parties"): Route(self._allocate),
            ("GET", "/v2/parties/participant-id"): Route(self._participant),
            ("GET", "/v2/packages"): Route(self._packages),
            ("GET", "/v2/authenticated-user"): Route(self._myself),
            ("GET", "/v2/users"): Route(self._users),
            ("POST", "/v2/users"): Route(self._create_user),
            ("GET", "/v2/users/{user-id}"): Route(self._user),
            ("GET", "/v2/users/{user-id}/rights"): Route(self._rights),
            ("POST", "/v2/users/{user-id}/rights"): Route(self._grant),
            ("PATCH", "/v2/users/{user-id}/rights"): Route(self._revoke),
        }

    # -- parties ------------------------------------------------------------------------------

    async def _parties(self, asked: Asked) -> Json:
        asked.bearer.must_administer()
        return {"partyDetails": [_party(each) for each in sorted(self._ledger.parties)]}

    async def _allocate(self, asked: Asked) -> Json:
        told = asked.as_a(hosting_shapes.AllocateParty)
        asked.bearer.must_administer()
        hint = told.party_id_hint or f"party-{len(self._ledger.parties) + 1}"
        if not _HINT.match(hint):
            raise Refusal("INVALID_ARGUMENT", f"Invalid party hint {hint[:80]!r}")
        if self._admin.party_id(hint) in self._ledger.parties:
            raise Refusal("PARTY_ALREADY_EXISTS", f"Party already exists: {hint}")
        return {"partyDetails": _party(self._admin.create_party(hint))}

    async def _participant(self, _asked: Asked) -> Json:
        return {"participantId": self._participant_id}

    async def _packages(self, _asked: Asked) -> Json:
        return {"packageIds": [self._package.package_id]}

    # -- users --------------------------------------------------------------------------------

    async def _myself(self, asked: Asked) -> Json:
        return {"user": _user(asked.bearer.rights)}

    async def _users(self, asked: Asked) -> Json:
        asked.bearer.must_administer()
        return {"users": [_user(each) for _, each in sorted(self._ledger.users.items())]}

    async def _create_user(self, asked: Asked) -> Json:
        told = asked.as_a(hosting_shapes.CreateUser)
        asked.bearer.must_administer()
        if not USER_ID.match(told.user.id):
            raise Refusal("INVALID_FIELD", f"Invalid user id {told.user.id[:80]!r}")
        if told.user.id in self._ledger.users:
            raise Refusal("USER_ALREADY_EXISTS", f"user already exists: {told.user.id}")
        made = UserChanged(
            told.user.id,
            (),
            (),
            deactivated=told.user.is_deactivated,
            primary_party=told.user.primary_party or "",
        )
        made = _with(made, told.rights or (), granted=True)
        self._ledger.write(made)
        return {"user": _user(made)}

    async def _user(self, asked: Asked) -> Json:
        return {"user": _user(self._asked_about(asked))}

    async def _rights(self, asked: Asked) -> Json:
        return {"rights": _rights(self._asked_about(asked))}

    async def _grant(self, asked: Asked) -> Json:
        return {"newlyGrantedRights": self._change(asked, granted=True)}

    async def _revoke(self, asked: Asked) -> Json:
        return {"newlyRevokedRights": self._change(asked, granted=False)}

    def _change(self, asked: Asked, *, granted: bool) -> list[Json]:
        told = asked.as_a(hosting_shapes.ChangeRights)
        asked.bearer.must_administer()
        if told.user_id != asked.names["user-id"]:
            raise Malformed("Invalid value for: body (userId is not the one of the path)")
        before = user_known(self._ledger, told.user_id)
        after = _with(before, told.rights or (), granted=granted)
        if after != before:
            self._ledger.write(after)
        old, new = _rights(before), _rights(after)
        return [each for each in (new if granted else old) if each not in (old if granted else new)]

    def _asked_about(self, asked: Asked) -> UserChanged:
        user = asked.names["user-id"]
        if user != asked.bearer.user and not asked.bearer.rights.admin:
            raise denied("it may not ask about other users")
        return user_known(self._ledger, user)


def _with(
    user: UserChanged, rights: list[hosting_shapes.RightShape] | tuple[()], *, granted: bool
) -> UserChanged:
    """Return a user with some rights more, or less."""
    act_as, read_as = set(user.act_as), set(user.read_as)
    read_any, admin = user.read_any, user.admin
    for each in rights:
        kind = each.kind or hosting_shapes.Kind(nothing=Nothing())
        for of, told in ((act_as, kind.can_act_as), (read_as, kind.can_read_as)):
            if told is not UNSET:
                (of.add if granted else of.discard)(told.value.party)
        read_any = granted if kind.can_read_as_any_party is not UNSET else read_any
        admin = granted if kind.participant_admin is not UNSET else admin
    return msgspec.structs.replace(
        user,
        act_as=tuple(sorted(act_as)),
        read_as=tuple(sorted(read_as)),
        read_any=read_any,
        admin=admin,
    )


def _rights(user: UserChanged) -> list[Json]:
    told: list[Json] = [{"CanActAs": {"value": {"party": each}}} for each in user.act_as]
    told += [{"CanReadAs": {"value": {"party": each}}} for each in user.read_as]
    if user.read_any:
        told.append({"CanReadAsAnyParty": {"value": {}}})
    if user.admin:
        told.append({"ParticipantAdmin": {"value": {}}})
    return [{"kind": each} for each in told]


def _user(user: UserChanged) -> Json:
    return {
        "id": user.user,
        "primaryParty": user.primary_party,
        "isDeactivated": user.deactivated,
        "metadata": _metadata(),
        "identityProviderId": "",
    }


def _party(party: str) -> Json:
    return {
        "party": party,
        "isLocal": True,
        "localMetadata": _metadata(),
        "identityProviderId": "",
    }


def _metadata() -> dict[str, Any]:
    return {"resourceVersion": "0", "annotations": {}}
