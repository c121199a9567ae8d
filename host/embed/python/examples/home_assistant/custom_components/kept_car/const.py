"""Names, and how often the cloud is asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

DOMAIN: Final = "kept_car"

CONF_SESSION: Final = "session"

# Of the client: Europe, Kia.
REGION: Final = 1
BRAND: Final = 1

SCAN_INTERVAL: Final = timedelta(minutes=30)

# While a car is doing what it was told.
POLL_SECONDS: Final = 5
POLLS: Final = 12

# In the configuration folder: a policy that is put here takes over without a restart.
POLICY_FILE: Final = "kept_car.policy.wasm"
POLICY_INTERVAL: Final = timedelta(seconds=10)
