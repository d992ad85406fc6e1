"""Which scope does each operation need?

One table for all of them. An operation that is not in it is closed to everybody, and a test finds
it. `docs/authentication.md` shows the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nostro.api.auth import SCOPES


class Rule(NamedTuple):
    """Who may call an operation: who has the scope, or everybody for "". `private`: a token is
    needed in development too. `limited`: it counts against the caller's rate."""

    scope: str
    private: bool = False
    limited: bool = True


def needs(scope: str) -> Rule:
    """Return the rule of an operation that the local operator of a development platform may call
    without a token."""
    assert scope in SCOPES, scope
    return Rule(scope)


def private(scope: str) -> Rule:
    """Return the rule of an operation that belongs to somebody: it needs a token always."""
    assert scope in SCOPES, scope
    return Rule(scope, private=True)


PUBLIC = Rule("")
"""Whoever asks is told: market data."""
ALWAYS = Rule("", limited=False)
"""Whoever asks is told, however often: health, and what a problem means."""
CLOSED = Rule("-")
"""A scope that nobody has."""

PAYMENTS: Mapping[str, Rule] = {
    "submitPayment": needs("payments:write"),
    "submitPayments": needs("payments:write"),
    "cancelPayment": needs("payments:write"),
    "approveReview": needs("payments:write"),
    "rejectReview": needs("payments:write"),
    "submitPacs008": needs("payments:write"),
    "submitPacs004": needs("payments:write"),
    "getPacs002": needs("payments:read"),
    "getPacs004": needs("payments:read"),
    "listPayments": needs("payments:read"),
    "getPayment": needs("payments:read"),
    "getCamt053": needs("participants:read"),
    "getCamt054": needs("participants:read"),
    "openParticipant": needs("participants:write"),
    "fundParticipant": needs("participants:write"),
    "suspendParticipant": needs("participants:write"),
    "resumeParticipant": needs("participants:write"),
    "listParticipants": needs("participants:read"),
    "getParticipant": needs("participants:read"),
}
SETTLEMENTS: Mapping[str, Rule] = {
    "listSettlements": needs("settlements:read"),
    "getSettlement": needs("settlements:read"),
    "confirmSettlement": needs("settlements:write"),
    "reverseSettlement": needs("settlements:write"),
    "getBatch": needs("settlements:read"),
    "getCertificate": needs("settlements:read"),
    "getCommittee": needs("settlements:read"),
    "listEvidence": needs("settlements:read"),
}
DVP: Mapping[str, Rule] = {
    "instructDvp": needs("dvp:write"),
    "holdDvp": needs("dvp:write"),
    "releaseDvp": needs("dvp:write"),
    "cancelDvp": needs("dvp:write"),
    "retryDvp": needs("dvp:write"),
    "listDvps": needs("dvp:read"),
    "getDvp": needs("dvp:read"),
    "listDvpEvents": needs("dvp:read"),
    "listPenalties": needs("dvp:read"),
    "listPositions": needs("dvp:read"),
    "submitSese023": needs("dvp:write"),
    "submitSese020": needs("dvp:write"),
    "getSese024": needs("dvp:read"),
    "getSese025": needs("dvp:read"),
    "getDvpCamt054": needs("dvp:read"),
    "listInstruments": PUBLIC,
    "setInstrument": needs("dvp:manage"),
    "setPenaltyRate": needs("dvp:manage"),
    "listDomains": needs("dvp:read"),
    "setDomainState": needs("dvp:manage"),
    "issueAtDomain": needs("dvp:manage"),
    "getDomainBalances": needs("dvp:read"),
}
RISK: Mapping[str, Rule] = {
    "listRiskCounterparties": needs("risk:read"),
    "listRiskLimits": needs("risk:read"),
    "setRiskLimit": needs("risk:write"),
    "listRiskAlerts": needs("risk:read"),
    "listRiskThresholds": needs("risk:read"),
    "setRiskThreshold": needs("risk:write"),
    "getLiquidity": needs("risk:read"),
    "getLiquidityForecast": needs("risk:read"),
}
WEBHOOKS: Mapping[str, Rule] = {
    "registerWebhook": needs("webhooks:write"),
    "listWebhooks": needs("webhooks:read"),
    "getWebhook": needs("webhooks:read"),
    "removeWebhook": needs("webhooks:write"),
    "rotateWebhookSecret": needs("webhooks:write"),
    "enableWebhook": needs("webhooks:write"),
    "listWebhookDeliveries": needs("webhooks:read"),
    "retryWebhookDelivery": needs("webhooks:write"),
}
WALLETS: Mapping[str, Rule] = {
    "submitDeposit": needs("wallets:write"),
    "confirmDeposit": needs("wallets:manage"),
    "rejectDeposit": needs("wallets:manage"),
    "releaseDeposit": needs("wallets:manage"),
    "requestWithdrawal": needs("wallets:write"),
    "approveWithdrawal": needs("wallets:manage"),
    "cancelWithdrawal": needs("wallets:manage"),
    "clearPayout": needs("wallets:manage"),
    "getWallet": needs("wallets:read"),
    "getCustomerBalances": needs("balances:read"),
    "getDeposit": needs("wallets:read"),
    "getWithdrawal": needs("wallets:read"),
}
LEDGER: Mapping[str, Rule] = {
    "openAccount": needs("ledger:write"),
    "freezeAccount": needs("ledger:write"),
    "unfreezeAccount": needs("ledger:write"),
    "closeAccount": needs("ledger:write"),
    "registerAsset": needs("ledger:write"),
    "createTransfer": needs("ledger:write"),
    "createTransfers": needs("ledger:write"),
    "listAccounts": needs("ledger:read"),
    "getAccount": needs("ledger:read"),
    "getBalance": needs("ledger:read"),
    "getStatement": needs("ledger:read"),
    "listTransfers": needs("ledger:read"),
    "getTransfer": needs("ledger:read"),
    "getTrialBalance": needs("ledger:read"),
    "listAssets": PUBLIC,
}
EXCHANGE: Mapping[str, Rule] = {
    "placeOrder": private("orders:write"),
    "placeAssetOrder": private("orders:write"),
    "placeOrders": private("orders:write"),
    "amendOrder": private("orders:write"),
    "cancelOrder": private("orders:write"),
    "cancelOrders": private("orders:write"),
    "getOrder": private("orders:read"),
    "listOrders": private("orders:read"),
    "listFills": private("orders:read"),
    "listMarkets": PUBLIC,
    "getMarket": PUBLIC,
    "getBook": PUBLIC,
    "listTrades": PUBLIC,
    "listCandles": PUBLIC,
    "getTicker": PUBLIC,
    "createMarket": needs("markets:write"),
    "changeMarket": needs("markets:write"),
    "setMarketState": needs("markets:write"),
    "setReferencePrice": needs("markets:write"),
    "listFeeSchedules": PUBLIC,
    "setFeeSchedule": needs("markets:write"),
    "assignFeeSchedule": needs("markets:write"),
    "setKillSwitch": needs("orders:write"),
    "listSuspensions": needs("orders:read"),
    "releaseSuspendedFunds": needs("markets:write"),
}
KEYS: Mapping[str, Rule] = {
    "createApiKey": private("keys:write"),
    "listApiKeys": private("keys:read"),
    "getApiKey": private("keys:read"),
    "revokeApiKey": private("keys:write"),
}
OPERATIONS: Mapping[str, Rule] = {
    "livez": ALWAYS,
    "readyz": ALWAYS,
    "health": ALWAYS,
    "explainProblem": ALWAYS,
    "metrics": needs("platform:read"),
}

RULES: Mapping[str, Rule] = {
    **PAYMENTS,
    **SETTLEMENTS,
    **DVP,
    **RISK,
    **WEBHOOKS,
    **WALLETS,
    **LEDGER,
    **EXCHANGE,
    **KEYS,
    **OPERATIONS,
}


def rule_for(name: str) -> Rule:
    """Return the rule of an operation; one that nobody thought of is closed."""
    return RULES.get(name, CLOSED)
