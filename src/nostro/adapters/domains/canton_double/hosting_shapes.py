"""What may a request about parties and users say, field by field?"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from nostro.adapters.domains.canton_double.shapes import Nothing, OneOf, Shape


class ObjectMeta(Shape, frozen=True):
    """What administrators wrote to a party or a user."""

    resource_version: str | None = None
    annotations: dict[str, str] | None = None


class AllocateParty(Shape, frozen=True):
    """To host a new party."""

    party_id_hint: str | None = None
    local_metadata: ObjectMeta | None = None
    identity_provider_id: str | None = None
    synchronizer_id: str | None = None
    user_id: str | None = None


class PartyValue(Shape, frozen=True):
    """A party."""

    party: str


class PartyRight(Shape, frozen=True):
    """Wrapped."""

    value: PartyValue


class GeneralRight(Shape, frozen=True):
    """Wrapped."""

    value: Nothing


class Kind(
    OneOf,
    frozen=True,
    rename={
        "can_act_as": "CanActAs",
        "can_read_as": "CanReadAs",
        "can_execute_as": "CanExecuteAs",
        "can_execute_as_any_party": "CanExecuteAsAnyParty",
        "can_read_as_any_party": "CanReadAsAnyParty",
        "identity_provider_admin": "IdentityProviderAdmin",
        "participant_admin": "ParticipantAdmin",
        "nothing": "Empty",
    },
):
    """What a user may do."""

    can_act_as: PartyRight | UnsetType = UNSET
    can_read_as: PartyRight | UnsetType = UNSET
    can_execute_as: PartyRight | UnsetType = UNSET
    can_execute_as_any_party: GeneralRight | UnsetType = UNSET
    can_read_as_any_party: GeneralRight | UnsetType = UNSET
    identity_provider_admin: GeneralRight | UnsetType = UNSET
    participant_admin: GeneralRight | UnsetType = UNSET
    nothing: Nothing | UnsetType = UNSET


class RightShape(Shape, frozen=True):
    """Wrapped."""

    kind: Kind | None = None


class UserShape(Shape, frozen=True):
    """A user."""

    id: str
    primary_party: str | None = None
    is_deactivated: bool = False
    metadata: ObjectMeta | None = None
    identity_provider_id: str | None = None
    primary_party_authentication: bool = False


class CreateUser(Shape, frozen=True):
    """To know a new user."""

    user: UserShape
    rights: list[RightShape] | None = None


class ChangeRights(Shape, frozen=True):
    """To grant or revoke rights."""

    user_id: str
    rights: list[RightShape] | None = None
    identity_provider_id: str | None = None
