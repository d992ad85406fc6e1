"""Where does a member keep its key, its vote lock and its bodies, and who are the members?

    members/committee.json      public: chain id, member ids, public keys, proofs of possession
    members/<id>/key            the private key, mode 0600
    members/<id>/lock           what was signed last
    members/<id>/bodies/        what was approved

The directories of members are made once, at set-up. They are 0700: in a real deployment each member
has a machine of its own, here each has at least files of its own.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from nostro.adapters.members.body_store import BodyStore
from nostro.adapters.signing.ed25519 import SigningKey, load_key, make_key
from nostro.adapters.signing.private_file import sync_directory
from nostro.adapters.signing.vote_lock import VoteLockFile, make_vote_lock
from nostro.consensus import FormCommittee, possession_message

COMMITTEE_FILE = "committee.json"
MEMBERS_MAX = 31
"""A certificate of more takes over a millisecond to check (field note 2.5)."""


class CommitteeFile(msgspec.Struct, frozen=True):
    """The public part: what anyone needs to check a certificate. Keys and proofs in hex."""

    chain_id: str
    members: list[tuple[str, str, str]]
    ruleset_version: int = 1

    def command(self) -> FormCommittee:
        """Return the command that makes these the members of the first epoch."""
        return FormCommittee(
            chain_id=self.chain_id, members=self.members, ruleset_version=self.ruleset_version
        )


class MemberHome:
    """What one member has on its disk, opened: only one process at a time has it."""

    def __init__(self, directory: Path) -> None:
        """Open what `set_up_members` made; raises FileNotFoundError, FileExposed, LockHeld or
        LockUnreadable."""
        self.member_id = directory.name
        self.key: SigningKey = load_key(directory / "key")
        self.lock = VoteLockFile(directory / "lock")
        try:
            self.bodies = BodyStore(directory / "bodies")
        except BaseException:
            self.lock.close()
            raise

    def close(self) -> None:
        """Let the files go."""
        self.lock.close()
        self.bodies.close()


def set_up_members(directory: Path, *, chain_id: str, count: int) -> CommitteeFile:
    """Make keys for members `member-1` to `member-<count>`, unless there is a committee; return
    what is public of it.

    A death in between leaves keys without a committee file: they are used, never made again.
    Raises ValueError when there is a committee of another chain or another number of members.
    """
    if not 1 <= count <= MEMBERS_MAX:
        raise ValueError(f"{count} members: from 1 to {MEMBERS_MAX}")
    path = directory / COMMITTEE_FILE
    if path.exists():
        found = read_committee(directory)
        if (found.chain_id, len(found.members)) != (chain_id, count):
            raise ValueError(
                f"{path} names {len(found.members)} members of {found.chain_id!r}, not {count} of"
                f" {chain_id!r}: members change by a certified rotation only"
            )
        return found
    members = []
    for number in range(1, count + 1):
        member_id = f"member-{number}"
        key = _key_of(directory / member_id)
        proof = key.sign(
            possession_message(chain_id=chain_id, member_id=member_id, public_key=key.public_key)
        )
        members.append((member_id, key.public_key.hex(), proof.hex()))
    committee = CommitteeFile(chain_id, members)
    _write(path, msgspec.json.format(msgspec.json.encode(committee)) + b"\n")
    return committee


def read_committee(directory: Path) -> CommitteeFile:
    """Return what `set_up_members` made; raises FileNotFoundError or msgspec.DecodeError."""
    return msgspec.json.decode((directory / COMMITTEE_FILE).read_bytes(), type=CommitteeFile)


def _key_of(home: Path) -> SigningKey:
    """Return the key in a member's directory, making directory, lock and key as far as missing.

    The lock is made before the key: a key never stands without one.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (home / "key").exists():
        return load_key(home / "key")
    if not (home / "lock").exists():
        make_vote_lock(home / "lock")
    return make_key(home / "key")


def _write(path: Path, data: bytes) -> None:
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_directory(path.parent)
