"""How do tests, simulations and demonstrations set a participant up, without asking its API?"""

from __future__ import annotations

from nostro.adapters.domains.canton_double import shapes
from nostro.adapters.domains.canton_double.books import Pruned, Submission, Transaction, UserChanged
from nostro.adapters.domains.canton_double.deeds import Deeds, digest
from nostro.adapters.domains.canton_double.holdings import HOLDING
from nostro.adapters.domains.canton_double.identity import ADMIN, TOKEN_LIFE_S, Identity
from nostro.adapters.domains.canton_double.interpreter import Package
from nostro.adapters.domains.canton_double.ledger import Ledger
from nostro.adapters.domains.canton_double.preparing import Preparing
from nostro.adapters.domains.canton_double.rounds import MANDATE


class Administration:
    """Does at once, and durably, what would take propose-and-accept between parties."""

    def __init__(
        self,
        ledger: Ledger,
        deeds: Deeds,
        preparing: Preparing,
        identity: Identity,
        *,
        package: Package,
        seed: int,
    ) -> None:
        self._ledger = ledger
        self._deeds = deeds
        self._preparing = preparing
        self._identity = identity
        self._package = package
        self._seed = seed
        if ADMIN not in ledger.users:
            ledger.write(UserChanged(ADMIN, (), (), read_any=True, admin=True))

    def party_id(self, hint: str) -> str:
        """Return the id of the party of this name, hosted or not."""
        return f"{hint}::1220{digest(self._seed, 'namespace')}"

    def create_party(self, hint: str) -> str:
        """Host a party, unless it is hosted, and return its id."""
        party = self.party_id(hint)
        if party not in self._ledger.parties:
            self._deeds.host(party)
        return party

    def create_user(
        self,
        user: str,
        *,
        act_as: tuple[str, ...] = (),
        read_as: tuple[str, ...] = (),
        read_any: bool = False,
    ) -> None:
        """Let a user have these rights, and no others."""
        changed = UserChanged(user, tuple(act_as), tuple(read_as), read_any=read_any)
        if self._ledger.users.get(user) != changed:
            self._ledger.write(changed)

    def token(self, user: str, *, life_s: int = TOKEN_LIFE_S) -> str:
        """Return a bearer token of a user."""
        return self._identity.token(user, life_s=life_s)

    def mandate(self, owner: str, executor: str, account: str) -> str:
        """Let an executor, who calls it `account`, lock, deliver and receive for an owner; returns
        the contract's id."""
        told = {"owner": owner, "executor": executor, "account": account}
        return self._create(MANDATE, told, act_as=(owner, executor), command_id=f"mandate/{owner}")

    def issue(
        self, *, registrar: str, owner: str, asset: str, amount: int | str, synchronizer: str = ""
    ) -> str:
        """Give an owner so many minor units of an instrument; returns the contract's id."""
        told = {
            "owner": owner,
            "instrument": {"admin": registrar, "id": asset},
            "amount": str(amount),
            "lock": None,
        }
        return self._create(
            HOLDING,
            told,
            act_as=(registrar, owner),
            command_id=f"issue/{owner}/{asset}",
            synchronizer=synchronizer,
        )

    def balances(self, owner: str = "") -> dict[tuple[str, str], tuple[int, int]]:
        """Return (all, of it locked) in minor units by (owner, asset), of one owner or of all; what
        is on its way between synchronizers counts too."""
        sums: dict[tuple[str, str], tuple[int, int]] = {}
        for life in self._ledger.lives_at(self._ledger.end):
            holding = life.created.argument
            if life.created.template != HOLDING or owner not in ("", holding["owner"]):
                continue
            key = holding["owner"], holding["instrument"]["id"]
            amount = int(holding["amount"])
            total, locked = sums.get(key, (0, 0))
            locked += amount if holding["lock"] is not None else 0
            sums[key] = total + amount, locked
        return sums

    def prune(self, up_to: int) -> None:
        """Forget updates up to an offset, included."""
        self._ledger.write(Pruned(up_to))

    def exercise(
        self,
        template: str,
        contract_id: str,
        choice: str,
        argument: object,
        *,
        act_as: tuple[str, ...],
    ) -> Transaction:
        """Exercise a choice for parties, at once."""
        step = self.exercising(template, contract_id, choice, argument)
        return self.write([step], act_as, f"admin/{choice}/{contract_id}")

    def creating(self, template: str, argument: object) -> shapes.Command:
        """Return the step that creates a contract."""
        told = shapes.Create(template_id=self._identifier(template), create_arguments=argument)
        return shapes.Command(create=told)

    def exercising(
        self, template: str, contract_id: str, choice: str, argument: object
    ) -> shapes.Command:
        """Return the step that exercises a choice."""
        told = shapes.Exercise(
            template_id=self._identifier(template),
            contract_id=contract_id,
            choice=choice,
            choice_argument=argument,
        )
        return shapes.Command(exercise=told)

    def _create(
        self,
        template: str,
        argument: object,
        *,
        act_as: tuple[str, ...],
        command_id: str,
        synchronizer: str = "",
    ) -> str:
        step = self.creating(template, argument)
        made = self.write([step], act_as, command_id, synchronizer=synchronizer)
        return made.nodes[0].contract_id

    def write(
        self,
        steps: list[shapes.Command],
        act_as: tuple[str, ...],
        about: str,
        *,
        synchronizer: str = "",
        note: str = "",
    ) -> Transaction:
        """Make a transaction for parties, at once; raises Refusal."""
        command_id = f"{about}/{self._ledger.end}"
        submission = Submission(ADMIN, tuple(sorted(set(act_as))), command_id, note=note)
        commands = shapes.Commands(
            commands=steps,
            command_id=command_id,
            act_as=list(act_as),
            synchronizer_id=synchronizer or None,
        )
        made = self._deeds.write(self._preparing.interpreted(submission, commands))
        assert isinstance(made, Transaction)
        return made

    def _identifier(self, template: str) -> str:
        return f"#{self._package.name}:{template}"
