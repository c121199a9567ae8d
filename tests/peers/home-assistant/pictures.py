"""Takes the pictures of docs/home-assistant.md: what an unmodified Home Assistant shows of the simulated cars.

    pictures.py --host vehicle-connector --cloud eu-simulator --hass ha/bin/hass --policy policy.wasm --into docs/pictures

Needs Playwright, and a Chromium on the path. Look at what it has taken.
"""

import argparse
import asyncio
import io
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

from PIL import Image
from playwright.async_api import async_playwright

from accept import available, everything
from dashboard import DASHBOARD
from hass import Hass, Refused
from house import BASE, CLOUD_IDS, House, must, ok

# Beside MQTT there is what shows it, and the logbook, which fills the third column of the page of a device.
COMPONENTS = "frontend:\nlogbook:"

# What somebody has renamed the cars to in Home Assistant. In the simulated account they are called after protocols.
NAMES = {"niro": "Niro", "ev6": "EV6"}

# A car that has something to show.
CHARGING = {
    "plugged_in": True,
    "charging": True,
    "charge_port_open": True,
    "battery_percent": 64,
    "range_km": 312,
    "odometer_km": 23417.0,
    "charge_limit_ac": 80,
    "temperature": 21.0,
}

DESKTOP, PHONE = 1280, 390

# On the page of a car: controls, sensors, events, configuration, diagnosis.
CARDS = "ha-device-entities-card"

# Higher than any of the pages, of which a part is taken.
HEIGHT = 2900

# Largest picture, in bytes, and its colours.
LARGEST, COLOURS = 150 * 1024, 192


class Camera:
    """A browser in which somebody is signed in to Home Assistant."""

    def __init__(self, browser, hass, into):
        self.browser, self.hass, self.into = browser, hass, pathlib.Path(into)
        self.address = f"http://127.0.0.1:{hass.port}"
        self.into.mkdir(parents=True, exist_ok=True)

    async def page(self, path, width=DESKTOP, height=HEIGHT):
        phone = width == PHONE
        context = await self.browser.new_context(
            viewport={"width": width, "height": height},
            is_mobile=phone,
            has_touch=phone,
            locale="en-GB",
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
        )
        tokens = {
            "hassUrl": self.address,
            "clientId": f"{self.address}/",
            "access_token": self.hass.token(),
            "refresh_token": "",
            "expires_in": 86_400,
            "expires": int(time.time() + 86_400) * 1000,
        }
        kept = {"hassTokens": json.dumps(tokens), "dockedSidebar": json.dumps("always_hidden")}
        for key, value in kept.items():
            await context.add_init_script(f"localStorage.setItem({json.dumps(key)}, {json.dumps(value)})")
        # The logos of integrations come from a server of Home Assistant's. There is no network here.
        svg = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
        nothing = {"content_type": "image/svg+xml", "body": svg}
        await context.route("https://brands.home-assistant.io/**", lambda route: route.fulfill(**nothing))
        page = await context.new_page()
        await page.goto(self.address + path)
        await page.wait_for_load_state("networkidle")
        # The logbook writes times as they come if it is there before the words of the language are: go away and back.
        for there in ("/config/info", path):
            await page.evaluate(
                "there => { history.pushState(null, '', there); dispatchEvent(new CustomEvent('location-changed', {detail: {}})); }",
                there,
            )
            await page.wait_for_load_state("networkidle")
            # It is idle until it has drawn the page.
            await page.wait_for_timeout(1000)
        return page

    async def details(self, path, entity, height):
        """A page on which somebody has opened the dialog of an entity."""
        page = await self.page(path, height=height)
        event = f"new CustomEvent('hass-more-info', {{detail: {{entityId: '{entity}'}}}})"
        await page.evaluate(f"document.querySelector('home-assistant').dispatchEvent({event})")
        await page.locator("ha-more-info-dialog").get_by_label("Close").first.wait_for()
        return page

    async def take(self, name, page, down_to=None, around=None):
        """Saves what is to be seen, down to the end of an element or around one."""
        # What was asked for last may still be on its way, and some things never rest.
        before, seen = None, await page.screenshot()
        for _ in range(8):
            await page.wait_for_timeout(500)
            before, seen = seen, await page.screenshot()
            if seen == before:
                break
        image = Image.open(io.BytesIO(seen)).convert("RGB")
        if down_to:
            box = await down_to.bounding_box()
            bottom = int(box["y"] + box["height"]) + 16
            image = image.crop((0, 0, image.width, min(bottom, image.height)))
        if around:
            box = await around.bounding_box()
            left, top, right, bottom = box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]
            image = image.crop((int(left) - 24, int(top) - 24, int(right) + 24, int(bottom) + 24))
        path = self.into / f"{name}.png"
        image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        size = path.stat().st_size
        must(size <= LARGEST, f"{path} has {size} bytes")
        ok(f"{path}", f"{image.width} x {image.height}, {size // 1024} KiB")
        await page.context.close()


class Scene:
    """Everything that is to be seen, and bringing it about."""

    def __init__(self, house, hass, camera):
        self.house, self.hass, self.camera = house, hass, camera

    async def until(self, entity, state):
        async def so():
            return (await self.hass.states())[entity]["state"] == state

        await self.hass.until(f"{entity} is {state}", so)

    async def prepare(self):
        """Has the car read, and does what somebody does who tidies up."""
        self.devices = {}
        for device in (await self.hass.devices()).values():
            for domain, identifier in device["identifiers"]:
                if domain == "mqtt":
                    self.devices[identifier.removeprefix(f"{BASE}_")] = f"/config/devices/device/{device['id']}"
                    name = NAMES.get(identifier.removeprefix(f"{BASE}_vehicle_"))
                    if name:
                        await self.hass.ask("config/device_registry/update", device_id=device["id"], name_by_user=name)
        await self.hass.ask("lovelace/config/save", config=DASHBOARD)
        notice = {"notification_id": "config_entry_discovery"}
        await self.hass.ask(
            "call_service", domain="persistent_notification", service="dismiss", service_data=notice
        )
        self.house.order("change-vehicle", vehicle=CLOUD_IDS["ev6"], state=CHARGING)
        await self.hass.call("button.press", "button.ev6_refresh_force")
        await self.until("sensor.ev6_last_action", "succeeded")
        await self.until("sensor.ev6_soc_percent", "64.0")

    async def devices_and_cars(self):
        page = await self.camera.page("/config/devices/dashboard?domain=mqtt", height=500)
        await self.camera.take("devices", page)
        page = await self.camera.page(self.devices["vehicle_ev6"])
        await self.camera.take("vehicle", page, down_to=page.locator(CARDS).nth(1))
        # On a phone, what is further down.
        page = await self.camera.page(self.devices["vehicle_ev6"], PHONE, 985)
        await page.locator(CARDS).nth(3).evaluate("card => card.scrollIntoView({block: 'start'})")
        await self.camera.take("vehicle-phone", page, down_to=page.locator(CARDS).nth(4))

    async def unlocking(self):
        # Longer than it takes to look at it.
        self.house.order("next-outcome", pending_polls=1000)
        await self.hass.call("lock.unlock", "lock.ev6_lock")
        await self.until("lock.ev6_lock", "unlocking")
        page = await self.camera.page("/lovelace/0", 1000)
        await self.camera.take("unlocking", page, down_to=page.locator("hui-tile-card").last)

    async def update(self):
        entity = "update.vehicle_connector_update_policy"
        self.house.offer_policy()
        await self.until(entity, "on")
        page = await self.camera.details(self.devices["bridge"], entity, 800)
        await self.camera.take("update", page, around=page.locator(".mdc-dialog__surface").first)

    async def sign_in(self):
        self.house.order("refuse-grants")
        self.house.order("expire")
        await self.hass.call("button.press", "button.niro_refresh_cached")
        await self.until("sensor.account_home_state", "auth_required")
        page = await self.camera.details(self.devices["account_home"], "binary_sensor.account_home_problem", 900)
        await page.get_by_text("Attributes").first.click()
        await self.camera.take("sign-in", page, around=page.locator(".mdc-dialog__surface").first)


async def take(args, work, browser):
    house = House(args, work)
    hass = Hass(args.hass, work / "hass", house.port, COMPONENTS)
    try:
        house.start_broker()
        house.start_cloud()
        house.start_host()
        house.until_read()
        await hass.start()
        await everything(house, hass, "all entities of both cars", 30)
        await available(hass)
        scene = Scene(house, hass, Camera(browser, hass, args.into))
        await scene.prepare()
        await scene.devices_and_cars()
        await scene.unlocking()
        await scene.update()
        await scene.sign_in()
    finally:
        await hass.stop()
        house.close()


async def main():
    parser = argparse.ArgumentParser()
    for name in ("host", "cloud", "hass", "policy", "into"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()
    args.discovery = "device"
    work = pathlib.Path(tempfile.mkdtemp(prefix="home-assistant-"))
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        must(chromium, "there is no Chromium on the path")
        async with async_playwright() as playwright:
            # Chromium has no sandbox for root.
            browser = await playwright.chromium.launch(executable_path=chromium, chromium_sandbox=os.geteuid() != 0)
            await take(args, work, browser)
            await browser.close()
    except Refused as refused:
        print(f"FAILED: {refused}\nthe logs are in {work}", file=sys.stderr)
        sys.exit(1)
    shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
