"""Do settings come from the right place, and are wrong ones refused with a remedy?"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from nostro.wiring.aliases import ALIASES, DATABASE, LEDGER_API, SYNCHRONIZER
from nostro.wiring.settings import Origin, Settings, SettingsError, load_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty working directory, and no variable of ours."""
    foreign = {*ALIASES, *DATABASE, *LEDGER_API, *SYNCHRONIZER}
    for name in [n for n in os.environ if n.upper().startswith("NOSTRO_") or n in foreign]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def setenv(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    return monkeypatch.setenv


SetEnv = Callable[[str, str], None]


def test_without_anything_every_value_is_the_default() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.chain) == ("127.0.0.1", 8000, "main")
    assert settings.postgres_url is None
    assert {settings.origin(key) for key in Settings.model_fields} == {Origin.DEFAULT}


def test_environment_wins_over_file_and_file_over_default(setenv: SetEnv) -> None:
    Path("nostro.toml").write_text('port = 8001\nchain = "filed"\n')
    setenv("NOSTRO_PORT", "8002")
    settings = load_settings()
    assert (settings.port, settings.origin("port")) == (8002, Origin.ENV)
    assert (settings.chain, settings.origin("chain")) == ("filed", Origin.FILE)
    assert settings.origin("host") is Origin.DEFAULT


def test_an_option_wins_over_all_and_one_not_given_is_no_option(setenv: SetEnv) -> None:
    setenv("NOSTRO_PORT", "8002")
    settings = load_settings(port=0, host=None)
    assert (settings.port, settings.origin("port")) == (0, Origin.OPTION)
    assert (settings.host, settings.origin("host")) == ("127.0.0.1", Origin.DEFAULT)


def test_an_empty_variable_is_as_good_as_none(setenv: SetEnv) -> None:
    setenv("NOSTRO_POSTGRES_URL", "")
    assert load_settings().postgres_url is None


def test_the_file_may_stand_elsewhere(setenv: SetEnv, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("port = 8003\n")
    setenv("NOSTRO_CONFIG", str(tmp_path / "other.toml"))
    assert load_settings().port == 8003


def test_a_named_file_that_is_missing_is_refused(setenv: SetEnv) -> None:
    setenv("NOSTRO_CONFIG", "nowhere.toml")
    with pytest.raises(SettingsError, match=r"NOSTRO_CONFIG names nowhere\.toml"):
        load_settings()


def test_a_file_that_is_no_toml_is_refused_by_name() -> None:
    Path("nostro.toml").write_text("port: 8000\n")
    with pytest.raises(SettingsError, match=r"nostro\.toml is no TOML file"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("NOSTRO_PROT", "NOSTRO_PORT"),
        ("NOSTRO_POSTGRESURL", "NOSTRO_POSTGRES_URL"),
        ("NOSTRO_BATCH_SIZE_MAX", "NOSTRO_BATCH_MAX"),
        ("nostro_config_", "NOSTRO_CONFIG"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_key(
    setenv: SetEnv, name: str, nearest: str
) -> None:
    setenv(name, "1")
    with pytest.raises(SettingsError, match=f"{name}: did you mean {nearest}\\?"):
        load_settings()


def test_an_unknown_key_of_the_file_is_refused_with_the_nearest_key() -> None:
    Path("nostro.toml").write_text('log_levle = "info"\nzzzz = 1\n')
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert refusal.value.complaints == (
        "unknown key 'log_levle' in nostro.toml: did you mean log_level?",
        "unknown key 'zzzz' in nostro.toml: `nostro config show` lists the keys",
    )


def test_variables_of_the_test_suite_are_not_the_platforms(setenv: SetEnv) -> None:
    setenv("NOSTRO_TEST_POSTGRES_BIN", "/usr/lib/postgresql/15/bin")
    assert load_settings().postgres_bin_dir is None


def test_every_wrong_value_is_named_at_once_with_its_place(setenv: SetEnv) -> None:
    Path("nostro.toml").write_text('chain = "Not A Name"\n')
    setenv("NOSTRO_PORT", "http")
    with pytest.raises(SettingsError) as refusal:
        load_settings(log_level="loud")
    text = str(refusal.value)
    assert "NOSTRO_PORT: " in text
    assert "chain in the settings file: " in text
    assert "option log_level: " in text


def test_a_batch_beyond_the_queue_is_refused(setenv: SetEnv) -> None:
    setenv("NOSTRO_QUEUE_MAX", "10")
    with pytest.raises(SettingsError, match=r"batch_max \(2048\) exceeds queue_max \(10\)"):
        load_settings()


@pytest.mark.parametrize("names", ["cash,main", "canton", "cash,bonds,cash"])
def test_two_ledgers_of_one_name_are_refused(setenv: SetEnv, names: str) -> None:
    setenv("NOSTRO_SETTLEMENT_DOMAINS", names)
    with pytest.raises(SettingsError, match="settlement_domains"):
        load_settings()


def test_a_secret_appears_in_no_text(setenv: SetEnv) -> None:
    setenv("NOSTRO_POSTGRES_URL", "postgresql://nostro:hush@db/nostro")
    settings = load_settings()
    assert "hush" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    assert settings.postgres_url is not None
    assert settings.postgres_url.get_secret_value().endswith("hush@db/nostro")


def test_a_wrong_value_is_not_repeated_for_it_may_be_secret(setenv: SetEnv) -> None:
    setenv("NOSTRO_PORT", "hush")
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert "hush" not in str(refusal.value)


def test_limits_are_read_exactly_from_variable_and_from_file(setenv: SetEnv) -> None:
    Path("nostro.toml").write_text('[approval_limit]\nETH = "0.000000000000000001"\nEUR = 5\n')
    assert load_settings().approval_limit == {
        "ETH": Decimal("0.000000000000000001"),
        "EUR": Decimal(5),
    }
    setenv("NOSTRO_APPROVAL_LIMIT", "EUR=10000.10, BTC=0.5")
    assert load_settings().approval_limit == {"EUR": Decimal("10000.10"), "BTC": Decimal("0.5")}


@pytest.mark.parametrize("limits", ["EUR", "EUR=-1", "EUR=NaN", "EUR=x", "euro!=1"])
def test_a_limit_that_is_none_is_refused(setenv: SetEnv, limits: str) -> None:
    setenv("NOSTRO_APPROVAL_LIMIT", limits)
    with pytest.raises(SettingsError, match="NOSTRO_APPROVAL_LIMIT"):
        load_settings()


def test_a_limit_written_as_a_binary_fraction_is_refused() -> None:
    Path("nostro.toml").write_text("[approval_limit]\nBTC = 0.1\n")
    with pytest.raises(SettingsError, match="write the limit as a decimal string"):
        load_settings()


def test_a_relative_data_directory_is_taken_from_where_we_stand(
    setenv: SetEnv, tmp_path: Path
) -> None:
    setenv("NOSTRO_DATA_DIR", "books")
    assert load_settings().data_dir == tmp_path / "books"


def test_the_default_data_directory_does_not_depend_on_where_we_stand() -> None:
    before = load_settings().data_dir
    os.chdir("/")
    assert before == load_settings().data_dir
    assert before.is_absolute()


def test_the_origin_of_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        load_settings().origin("prot")


def test_the_reference_page_lists_exactly_the_settings_and_their_defaults() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([a-z]\w*)` \| ([^|]*) \|", page, re.MULTILINE))
    assert list(rows) == list(Settings.model_fields)
    for key in ("host", "port", "queue_max", "batch_max", "at_least_timeout_ms", "log_level"):
        assert rows[key].strip("`") == str(Settings.model_fields[key].default)


def test_a_database_of_another_environment_is_taken_once_its_host_is_named(setenv: SetEnv) -> None:
    setenv("DB_NAME", "ledger")
    setenv("DB_PASSWORD", "p@ss/word")
    assert load_settings().postgres_url is None
    setenv("DB_HOST", "db.example")
    setenv("DB_USER", "clerk")
    settings = load_settings()
    assert settings.postgres_url is not None
    assert settings.postgres_url.get_secret_value() == (
        "postgresql://clerk:p%40ss%2Fword@db.example:5432/ledger"
    )
    assert settings.origin("postgres_url") is Origin.ENV


def test_our_own_name_of_a_setting_wins_over_that_of_another_environment(setenv: SetEnv) -> None:
    setenv("SETTLEMENT_TIMEOUT_SECONDS", "60")
    setenv("SETTLEMENT_RETRY_ATTEMPTS", "5")
    setenv("NOSTRO_SETTLEMENT_TIMEOUT_SECONDS", "90")
    settings = load_settings()
    assert settings.settlement_timeout_seconds == 90
    assert settings.settlement_retry_attempts == 5


def test_a_wrong_value_under_another_name_is_refused_as_our_own(setenv: SetEnv) -> None:
    setenv("SETTLEMENT_BATCH_SIZE", "none")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "SETTLEMENT_BATCH_SIZE" in caught.value.complaints[0]


def test_a_participant_of_another_environment_is_found_by_host_and_port(setenv: SetEnv) -> None:
    setenv("CANTON_LEDGER_API_HOST", "participant.example")
    setenv("SECURITIES_ISSUER_PARTY", "Depository::1220aa")
    assert load_settings().canton_url == "http://participant.example:7575"
    setenv("CANTON_LEDGER_API_PORT", "7000")
    assert load_settings().canton_url == "http://participant.example:7000"
    assert load_settings().canton_securities_issuer == "Depository::1220aa"


def test_windows_for_parts_are_times_of_the_day_in_order(setenv: SetEnv) -> None:
    setenv("NOSTRO_SETTLEMENT_PARTIAL_WINDOWS", "15:30,08:00")
    assert load_settings().settlement_partial_windows == (480, 930)
    setenv("NOSTRO_SETTLEMENT_PARTIAL_WINDOWS", "25:00")
    with pytest.raises(SettingsError):
        load_settings()
