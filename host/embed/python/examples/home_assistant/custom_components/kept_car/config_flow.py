"""Signing in: when an account is added, and when the cloud wants its owner to do it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol
from homeassistant.config_entries import ConfigFlow, ConfigFlowResult
from homeassistant.const import CONF_PASSWORD, CONF_PIN, CONF_TOKEN, CONF_USERNAME
from hyundai_kia_connect_api import VehicleManager
from hyundai_kia_connect_api.exceptions import HyundaiKiaException
from requests import RequestException

from .const import BRAND, DOMAIN, REGION

ACCOUNT = vol.Schema({vol.Required(CONF_USERNAME): str, vol.Required(CONF_PASSWORD): str, vol.Required(CONF_PIN): str})
AGAIN = vol.Schema({vol.Required(CONF_PASSWORD): str})


class KeptCarConfigFlow(ConfigFlow, domain=DOMAIN):
    """The forms."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Adds an account."""
        errors: dict[str, str] = {}
        if user_input is not None:
            await self.async_set_unique_id(user_input[CONF_USERNAME].lower())
            self._abort_if_unique_id_configured()
            if (data := await self._signed_in(user_input, errors)) is not None:
                return self.async_create_entry(title=user_input[CONF_USERNAME], data=data)
        return self.async_show_form(step_id="user", data_schema=ACCOUNT, errors=errors)

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Begins when the session cannot be refreshed any more."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Signs in with another password. What the keeper remembered of the old session ends with it."""
        errors: dict[str, str] = {}
        entry = self._get_reauth_entry()
        if user_input is not None:
            account = {name: entry.data[name] for name in (CONF_USERNAME, CONF_PIN)} | user_input
            if (data := await self._signed_in(account, errors)) is not None:
                return self.async_update_reload_and_abort(entry, data=data)
        return self.async_show_form(step_id="reauth_confirm", data_schema=AGAIN, errors=errors)

    async def _signed_in(self, account: dict[str, Any], errors: dict[str, str]) -> dict[str, Any] | None:
        """The data of the entry, if the cloud takes them."""

        def sign_in() -> dict[str, Any]:
            manager = VehicleManager(
                region=REGION,
                brand=BRAND,
                username=account[CONF_USERNAME],
                password=account[CONF_PASSWORD],
                pin=account[CONF_PIN],
            )
            manager.login()
            token: dict[str, Any] = manager.token.to_dict()
            return token

        try:
            return account | {CONF_TOKEN: await self.hass.async_add_executor_job(sign_in)}
        except HyundaiKiaException:
            errors["base"] = "invalid_auth"
        except RequestException:
            errors["base"] = "cannot_connect"
        return None
