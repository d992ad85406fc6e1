"""Which merchants does a deployment get, and whom do they obey?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec.structs import replace

from nostro.adapters.liquidity import BEST, ProviderPerformer, providers_of
from nostro.adapters.liquidity.configured import FAULTS_FILE, FIXED
from nostro.adapters.liquidity.faults import NO_FAULTS, Faults, FileSwitchboard
from nostro.adapters.liquidity.merchant import SimulatedMerchant
from nostro.adapters.liquidity.port import UNKNOWN_PAIR, Executed, Quote, QuoteRequest, Refused
from nostro.exchange import Side
from nostro.kernel.messages import Rejection
from nostro.netting import RateSet
from nostro.runtime.ports import NotDone
from tests.adapters.liquidity.world import EFFECT_ID, ORDER, ROUTE, World, asking, command_of


class NoRates:
    async def rates(self, currencies: Sequence[str], at: date | None = None) -> RateSet:
        raise Rejection("fx.rate_unknown", currency=min(currencies))


def merchants(world: World, directory: Path, *names: str) -> dict[str, SimulatedMerchant]:
    return dict(
        providers_of(
            names=names, directory=directory, clock=world.clock, rates=NoRates(), prices=FIXED
        )
    )


def test_merchants_remember_and_keep_books_apart(tmp_path: Path) -> None:
    world = World()

    async def story() -> None:
        acme, beta = merchants(world, tmp_path, "acme", "beta").values()
        order = replace(ORDER, limit="99999")
        quote = await acme.quote(asking(order))
        assert isinstance(quote, Quote)
        assert isinstance(await acme.execute(order, quote), Executed)
        again = merchants(world, tmp_path, "acme", "beta")
        assert isinstance(await again["acme"].status(ORDER.reference), Executed)
        assert again["acme"].stock("BTC") == acme.stock("BTC") < beta.stock("BTC")
        assert again["beta"].books.after(0) == []

    world.run(story())


def test_merchants_obey_the_file_of_faults_while_they_run(tmp_path: Path) -> None:
    world = World()
    switchboard = FileSwitchboard(tmp_path / FAULTS_FILE)

    async def story() -> None:
        acme, beta = merchants(world, tmp_path, "acme", "beta").values()
        switchboard.set(Faults(down=frozenset({"acme"})))
        with pytest.raises(NotDone):
            await acme.quote(asking())
        assert isinstance(await beta.quote(asking()), Quote)
        switchboard.set(Faults(down=frozenset({"*"})))
        with pytest.raises(NotDone):
            await beta.quote(asking())
        switchboard.set(NO_FAULTS)
        assert isinstance(await acme.quote(asking()), Quote)

    world.run(story())


def test_a_file_of_faults_that_cannot_be_read_leaves_the_last_faults_on(tmp_path: Path) -> None:
    switchboard = FileSwitchboard(tmp_path / FAULTS_FILE)
    assert switchboard.faults() == NO_FAULTS
    late = Faults(late=frozenset({"acme"}))
    switchboard.set(late)
    assert switchboard.faults() == late
    (tmp_path / FAULTS_FILE).write_text('{"down": [')
    assert switchboard.faults() == late
    (tmp_path / FAULTS_FILE).unlink()
    assert switchboard.faults() == NO_FAULTS


def test_merchants_compete(tmp_path: Path) -> None:
    world = World()

    async def story() -> list[str]:
        rivals = merchants(world, tmp_path, "acme", "beta")
        performer = ProviderPerformer(rivals, clock=world.clock)
        winners = []
        for route in range(1, 7):
            effect = replace(ROUTE, provider=BEST, limit=6_100_000, lots=50_000, route=route)
            told = command_of(await performer.perform(effect, f"main:{route}:0"))
            winners.append(told.provider)
        return winners

    # Who has sold asks for more, and the other one is next.
    assert world.run(story()) == ["acme", "beta"] * 3


def test_no_provider_can_be_called_as_all_of_them_are(tmp_path: Path) -> None:
    world = World()
    with pytest.raises(AssertionError, match="best"):
        ProviderPerformer(merchants(world, tmp_path, "best"), clock=world.clock)


@pytest.mark.parametrize(("base", "quote"), [("BTC", "EUR"), ("EUR", "USD"), ("XYZ", "USD")])
def test_what_has_no_rate_is_not_traded(tmp_path: Path, base: str, quote: str) -> None:
    world = World()
    (acme,) = merchants(world, tmp_path, "acme").values()
    request = QuoteRequest(base=base, quote=quote, side=Side.BUY, quantity="1", quantity_step="0.1")
    assert world.run(acme.quote(request)) == Refused(UNKNOWN_PAIR)


def test_a_merchant_opens_with_the_same_worth_of_every_crypto_asset(tmp_path: Path) -> None:
    (acme,) = merchants(World(), tmp_path, "acme").values()
    assert acme.stock("USD") == 100_000_000
    assert abs(acme.stock("BTC") * 60_000 - 100_000_000) < 60_000
    assert acme.stock("ADA") == Fraction(200_000_000)


def test_an_effect_of_somebody_else_is_not_performed(tmp_path: Path) -> None:
    from nostro.wallets import AwaitPayout

    world = World()
    with pytest.raises(TypeError):
        world.run(world.performer().perform(AwaitPayout(withdrawal_id="w"), EFFECT_ID))
