"""How is this deployment set up, and where does each value come from?

A value is taken from the first place that names it: an option of the command line, the
environment (`NOSTRO_<KEY>`), the file (`NOSTRO_CONFIG`, or `nostro.toml` in the working directory),
the default. An unknown key is refused together with the nearest one; nothing is ignored in silence.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError as SourceError,
    TomlConfigSettingsSource,
)

from nostro.wiring.aliases import aliased
from nostro.wiring.setting_types import (
    AbsolutePath,
    ApprovalLimits,
    Audience,
    Names,
    TimesOfDay,
    Topic,
    default_data_dir,
    postgres_url_checked,
)

ENV_PREFIX = "NOSTRO_"
CANTON = "canton"
"""The name of the domain that a Canton participant keeps."""
CONFIG_ENV = "NOSTRO_CONFIG"
CONFIG_FILE = "nostro.toml"
# The environment of the test suite is not the platform's: `NOSTRO_TEST_POSTGRES_BIN` and its like,
# and the place of the document that its doubles are held against.
FOREIGN_ENV_PREFIXES = ("NOSTRO_TEST_", "NOSTRO_CANTON_OPENAPI")


class Origin(StrEnum):
    """The place a value was taken from."""

    OPTION = "option"
    ENV = "env"
    FILE = "file"
    DEFAULT = "default"


class SettingsError(Exception):
    """A setting that cannot be used: one line for each complaint, ending with the remedy."""

    def __init__(self, complaints: Iterable[str]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(self.complaints))


class Settings(BaseSettings):
    """Everything that can be set. Read it with `load_settings`, which knows the origins."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True
    )

    data_dir: AbsolutePath = Field(
        default_factory=default_data_dir,
        description="where the embedded PostgreSQL keeps the ledger: /var/lib/nostro for root, "
        "else $XDG_DATA_HOME/nostro",
    )
    host: str = Field("127.0.0.1", min_length=1, description="address the API listens on")
    port: int = Field(8000, ge=0, le=65535, description="port of the API; 0 takes any free one")
    postgres_url: Annotated[SecretStr | None, AfterValidator(postgres_url_checked)] = Field(
        None, description="PostgreSQL 15 or newer, as a URL; without it a private one is started"
    )
    postgres_bin_dir: AbsolutePath | None = Field(
        None, description="binaries of the private PostgreSQL, instead of the wheel's"
    )
    chain: str = Field(
        "main", pattern=r"^[a-z][a-z0-9_]{0,31}$", description="name of the chain this engine owns"
    )
    queue_max: int = Field(
        10_000, ge=1, le=1_000_000, description="commands that may wait; beyond it callers retry"
    )
    batch_max: int = Field(
        2_048, ge=1, le=100_000, description="commands the engine commits together"
    )
    snapshot_every_rows: int = Field(
        50_000, ge=1, description="journal rows between two snapshots of the state"
    )
    at_least_timeout_ms: int = Field(
        2_000, ge=0, le=60_000, description="how long a read waits for the height it asks for"
    )
    idempotency_hot_max: int = Field(
        200_000,
        ge=0,
        description="newest idempotency keys kept in full in memory, about 900 bytes each; "
        "older ones are read from the journal",
    )
    approval_limit: ApprovalLimits | None = Field(
        None,
        description="withdrawals above it need a second person, above a hundred times it a third, "
        "by asset; 0 for an asset that is not listed; unset, the standard limits",
    )
    cycle_seconds: int = Field(
        0,
        ge=0,
        le=86_400,
        description="close a netting window every so many seconds, for development and "
        "demonstrations; 0 follows the calendars and cut-offs of the currencies",
    )
    rates: str = Field(
        "ecb",
        min_length=1,
        description="where FX rates come from: `ecb` (the reference history that is installed "
        "with us, whatever its age), a JSON file, or an http(s) URL",
    )
    plan_deadline_ms: int = Field(
        2_000,
        ge=0,
        le=60_000,
        description="how long the solver may look for a better plan when limits bind; 0 takes the "
        "first that fits",
    )
    members: int = Field(
        4, ge=1, le=31, description="members that certify batches, in a process of their own"
    )
    malicious_members: int = Field(
        0,
        ge=0,
        le=31,
        description="how many of the members sign contradictions; for demonstrations only",
    )
    screening_list: AbsolutePath | None = Field(
        None,
        description="list of names that payments are screened against, a CSV file; without one "
        "nobody is held for review",
    )
    screening_threshold: int = Field(
        88, ge=50, le=100, description="how alike a name must be to one on the list, in per cent"
    )
    providers: str = Field(
        "merchant",
        pattern=r"^([a-z][a-z0-9_-]{0,31}(,[a-z][a-z0-9_-]{0,31}){0,7})?$",
        description="names of the simulated liquidity providers, with commas between them",
    )
    provider_prices: str = Field(
        "walk",
        min_length=1,
        description="prices of the simulated providers where `rates` has none: `walk` (they move, "
        "from a seed), `fixed`, or a JSON file of asset to price in USD",
    )
    webhooks_on_loopback: bool = Field(
        True, description="webhooks may go to this machine, as they do on a developer's"
    )
    auth_issuer: str | None = Field(
        None,
        pattern=r"^[\x21-\x7e]{1,512}$",
        description="whose tokens are taken, as their `iss` says it; without one the platform is "
        "in development, and takes those of `nostro token`",
    )
    auth_jwks_uri: str | None = Field(
        None,
        description="where the issuer publishes its keys; unset, /.well-known/jwks.json below the "
        "issuer",
    )
    auth_audience: Audience = Field(
        (),
        description="whom tokens are for, their `aud` or `client_id`, with commas between them; "
        "needed with an issuer",
    )
    auth_token_use: Literal["access", "id", "any"] = Field(
        "access", description="which tokens of Cognito are taken: `access`, `id` or `any`"
    )
    auth_user_claim: str = Field(
        "sub",
        min_length=1,
        description="claim with the user's id; `username` also reads `cognito:username`",
    )
    auth_roles_claim: str = Field(
        "cognito:groups", min_length=1, description="claim with the user's roles"
    )
    auth_default_role: Literal["trader", "auditor", "none"] = Field(
        "trader", description="role of a user to whom the issuer gives none of ours"
    )
    auth_leeway_s: int = Field(
        30, ge=0, le=300, description="how far the issuer's clock may be from ours"
    )
    rate_limit_per_s: int = Field(
        10_000, ge=0, le=1_000_000, description="requests a second of one caller; 0 for no bound"
    )
    rate_limit_burst: int = Field(
        20_000, ge=1, le=10_000_000, description="requests of one caller at once"
    )
    settlement_timeout_seconds: int = Field(
        300, ge=1, le=86_400, description="from the start of a round of settlement to its deadline"
    )
    settlement_retry_attempts: int = Field(
        3, ge=0, le=1_000, description="how often a lock that was refused is asked for again"
    )
    settlement_retry_delay_seconds: float = Field(
        30, ge=0.01, le=86_400, description="between two of these"
    )
    settlement_batch_size: int = Field(
        100, ge=1, le=100, description="rounds that one call to a settlement domain carries"
    )
    settlement_recycles_max: int = Field(
        10, ge=0, le=1_000, description="further settlement days on which a fail is tried again"
    )
    settlement_unmatched_days_max: int = Field(
        20, ge=1, le=366, description="days after which an instruction without a match is cancelled"
    )
    settlement_unmatched_max: int = Field(
        10_000, ge=1, le=1_000_000, description="instructions of a party that wait for a match"
    )
    settlement_failed_days_max: int = Field(
        60, ge=1, le=3_660, description="days for which what failed may be tried again"
    )
    settlement_partial_windows: TimesOfDay = Field(
        (480, 600, 720, 840, 930),
        description="when fails are settled in part, where both sides allow it, in UTC",
    )
    settlement_day_seconds: float = Field(
        0,
        ge=0,
        le=86_400,
        description="how long a settlement day lasts, for demonstrations; 0 for days of UTC",
    )
    settlement_domains: Names = Field(
        "",
        description="names of own ledger domains, with commas between them: each is a chain in a "
        "process and a database of its own",
    )
    canton_url: str | None = Field(
        None,
        pattern=r"^https?://[\x21-\x7e]{1,256}$",
        description="JSON Ledger API of a Canton participant: the domain `canton`",
    )
    canton_token_file: AbsolutePath | None = Field(
        None, description="file with the bearer token for the participant, read again as it changes"
    )
    canton_user: str = Field("nostro", min_length=1, description="our user at the participant")
    canton_executor_party: str = Field(
        "", description="party that executes settlements at the participant"
    )
    canton_securities_issuer: str = Field(
        "", description="party that issues the securities at the participant"
    )
    canton_cash_provider: str = Field(
        "", description="party that issues the cash at the participant"
    )
    canton_synchronizer: str = Field(
        "", description="synchronizer on which both legs settle; unset, the first connected one"
    )
    canton_calls_max: int = Field(
        32, ge=1, le=1_000, description="calls under way at the participant at once"
    )
    canton_double: bool = Field(
        False,
        description="run a double of a participant as the domain `canton`, for demonstrations",
    )
    trade_events_topic: Topic = Field(
        "trade-events", description="topic from which trades are taken to be settled"
    )
    settlement_events_topic: Topic = Field(
        "settlement-events", description="topic on which settlements are told"
    )
    kafka_bootstrap_servers: str | None = Field(
        None,
        pattern=r"^[\x21-\x7e]{1,512}$",
        description="taken note of only: topics are carried in our own database up to now",
    )
    follower: bool = Field(True, description="keep the views in step, in a process of its own")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto writes for people on a terminal, and JSON elsewhere"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least level that is logged"
    )

    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Option before environment before file; no `.env`, no secrets directory."""
        file = TomlConfigSettingsSource(settings_cls, toml_file=settings_file())
        return init_settings, env_settings, InitSettingsSource(settings_cls, aliased()), file

    @model_validator(mode="after")
    def _batch_fits_the_queue(self) -> Settings:
        if self.batch_max > self.queue_max:
            raise ValueError(f"batch_max ({self.batch_max}) exceeds queue_max ({self.queue_max})")
        return self

    @model_validator(mode="after")
    def _domains_differ(self) -> Settings:
        names = self.own_domains
        taken = [name for name in (self.chain, CANTON) if name in names]
        if taken:
            raise ValueError(f"settlement_domains has {taken[0]}, which is another ledger's name")
        if len(set(names)) < len(names):
            raise ValueError("settlement_domains names a domain twice")
        return self

    @model_validator(mode="after")
    def _issuer_is_whole(self) -> Settings:
        if self.auth_issuer is None:
            if self.auth_jwks_uri is not None:
                raise ValueError("auth_jwks_uri needs auth_issuer: whose keys are they?")
            return self
        if not self.auth_audience:
            raise ValueError("auth_issuer needs auth_audience: else tokens for others are taken")
        url = self.jwks_uri
        parts = urlsplit(url)
        if parts.scheme != "https" and not (
            parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
        ):
            raise ValueError(f"keys come over https, or http from this machine, not from {url}")
        return self

    @property
    def own_domains(self) -> tuple[str, ...]:
        """The names of `settlement_domains`."""
        return tuple(name for name in self.settlement_domains.split(",") if name)

    @property
    def jwks_uri(self) -> str:
        """Where the issuer publishes its keys."""
        return self.auth_jwks_uri or f"{(self.auth_issuer or '').rstrip('/')}/.well-known/jwks.json"

    def origin(self, key: str) -> Origin:
        """Say where the value of `key` comes from. Raises KeyError for an unknown key."""
        if key not in type(self).model_fields:
            raise KeyError(key)
        return self._origins.get(key, Origin.DEFAULT)


def settings_file() -> Path | None:
    """Return the file in force, or None. Raises SettingsError when a named one is missing."""
    named = os.environ.get(CONFIG_ENV)
    if named:
        file = Path(named).expanduser()
        if not file.is_file():
            raise SettingsError(
                [f"{CONFIG_ENV} names {named}, which is no file: create it, or unset it"]
            )
        return file
    return Path(CONFIG_FILE) if Path(CONFIG_FILE).is_file() else None


def load_settings(**options: Any) -> Settings:
    """Read, check and return the settings in force.

    `options` come from the command line and win; an option that is None was not given.
    Raises SettingsError, which names every complaint at once.
    """
    given = {key: value for key, value in options.items() if value is not None}
    file = settings_file()
    in_file = _read_file(file)
    complaints = [*_unknown_in_environment(), *_unknown_in_file(in_file, file)]
    if complaints:
        raise SettingsError(complaints)
    try:
        in_env = EnvSettingsSource(Settings)()
        places = (
            (Origin.FILE, in_file),
            (Origin.ENV, aliased()),
            (Origin.ENV, in_env),
            (Origin.OPTION, given),
        )
        origins = {key: origin for origin, values in places for key in values}
        settings = Settings(**given)
    except SourceError as error:
        raise SettingsError([f"{error}: write the value as JSON"]) from None
    except ValidationError as error:
        raise SettingsError(_complaints(error, origins)) from None
    settings._origins.update(origins)
    return settings


def _read_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"{file} is no TOML file: {error}"]) from None
    except OSError as error:
        raise SettingsError([f"{file} cannot be read: {error.strerror}"]) from None


def _unknown_in_environment() -> Iterable[str]:
    known = {f"{ENV_PREFIX}{key.upper()}" for key in Settings.model_fields} | {CONFIG_ENV}
    for name in sorted(os.environ):
        ours = name.upper().startswith(ENV_PREFIX) and not name.startswith(FOREIGN_ENV_PREFIXES)
        if ours and name.upper() not in known:
            yield f"unknown environment variable {name}{_nearest(name.upper(), known)}"


def _unknown_in_file(values: Mapping[str, Any], file: Path | None) -> Iterable[str]:
    for key in sorted(values.keys() - Settings.model_fields.keys()):
        yield f"unknown key {key!r} in {file}{_nearest(key, Settings.model_fields)}"


def _nearest(name: str, known: Iterable[str]) -> str:
    matches = get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    if matches:
        return f": did you mean {matches[0]}?"
    return ": `nostro config show` lists the keys"


def _complaints(error: ValidationError, origins: Mapping[str, Origin]) -> Iterable[str]:
    """Turn pydantic's findings into one line each, without the value: it may be secret."""
    for finding in error.errors(include_url=False, include_context=False, include_input=False):
        message = finding["msg"].removeprefix("Value error, ")
        key = str(finding["loc"][0]) if finding["loc"] else ""
        match origins.get(key):
            case Origin.ENV:
                yield f"{ENV_PREFIX}{key.upper()}: {message}"
            case Origin.FILE:
                yield f"{key} in the settings file: {message}"
            case Origin.OPTION:
                yield f"option {key}: {message}"
            case _:
                yield f"{key}: {message}" if key else message
