"""A real Home Assistant in a process of its own, set up from nothing and reached as its users reach it.

It listens on 127.0.0.1 only, on a free port, and writes into its folder only.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
import json
from pathlib import Path
import socket
import sys
import time
from typing import Any, Final, NoReturn

import aiohttp
from homeassistant.const import RESTART_EXIT_CODE

DOMAIN: Final = "datastream_bot"
PROJECT: Final = Path(__file__).parents[2]
USERNAME, PASSWORD = "demo", "datastream"
START_TIMEOUT: Final = 120.0
STOP_TIMEOUT: Final = 30.0
FLOW: Final = "/api/config/config_entries/flow"
OPTIONS_FLOW: Final = "/api/config/config_entries/options/flow"
SUBENTRY_FLOW: Final = "/api/config/config_entries/subentries/flow"


class HomeError(Exception):
    """Home Assistant did not do what was asked."""


class RealHome:
    """A Home Assistant, with the tokens of its owner once it has one."""

    def __init__(self, folder: Path, session: aiohttp.ClientSession) -> None:
        """Write what Home Assistant needs besides the configuration that is in the folder."""
        self.folder = folder
        self.url = f"http://127.0.0.1:{write_network(folder)}"
        self.tokens: dict[str, Any] = {}
        self._session = session
        self._process: asyncio.subprocess.Process | None = None
        (folder / "custom_components").mkdir(exist_ok=True)
        (folder / "custom_components" / DOMAIN).symlink_to(PROJECT / "custom_components" / DOMAIN)
        # The steps of onboarding that ask the cloud.
        done = {"done": ["core_config", "analytics", "integration"]}
        write_storage(folder, "onboarding", 4, 1, done)

    @property
    def process(self) -> asyncio.subprocess.Process:
        """Return the process of Home Assistant."""
        assert self._process is not None, "Home Assistant was not started"
        return self._process

    async def start(self) -> None:
        """Start Home Assistant, and wait until it is running."""
        await self._listen()
        if not self.tokens:
            await self._onboard()
        await self.wait_for("The end of the start", self._is_running, START_TIMEOUT)
        # By itself, Home Assistant shows an address of the machine at which it does not listen here.
        await self.ask("config/core/update", internal_url=self.url)

    async def _listen(self) -> None:
        """Start Home Assistant, and wait until it listens."""
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "homeassistant", "--config", str(self.folder), "--skip-pip"),
                cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                # Ctrl-C is for whoever started this, who stops Home Assistant in turn.
                start_new_session=True,
            )
        await self.wait_for("The start", self._is_listening, START_TIMEOUT)

    async def stop(self) -> None:
        """Stop Home Assistant."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """Kill Home Assistant, as a power cut would."""
        self.process.kill()
        await self.process.wait()

    async def get(self, path: str) -> Any:
        """Return the answer to a GET request."""
        return await self._request("GET", path)

    async def post(self, path: str, data: Mapping[str, Any]) -> Any:
        """Return the answer to a POST request of JSON."""
        return await self._request("POST", path, json=data)

    async def delete(self, path: str) -> Any:
        """Return the answer to a DELETE request."""
        return await self._request("DELETE", path)

    async def state(self, entity_id: str) -> str:
        """Return the state of an entity."""
        state: str = (await self.get(f"/api/states/{entity_id}"))["state"]
        return state

    async def act(self, action: str, data: Mapping[str, Any]) -> None:
        """Perform an action."""
        await self.post(f"/api/services/{action.replace('.', '/')}", data)

    async def act_for_response(self, action: str, data: Mapping[str, Any]) -> Any:
        """Perform an action, and return its response."""
        answer = await self.post(f"/api/services/{action.replace('.', '/')}?return_response", data)
        return answer["service_response"]

    async def ask(self, command: str, **data: Any) -> Any:
        """Return the answer to a websocket command."""
        async with self._session.ws_connect(f"{self.url}/api/websocket") as websocket:
            await websocket.receive_json()
            await websocket.send_json({"type": "auth", "access_token": self.tokens["access_token"]})
            await websocket.receive_json()
            await websocket.send_json({"id": 1, "type": command, **data})
            answer = await websocket.receive_json()
        if not answer["success"]:
            raise HomeError(f"{command}: {answer['error']['message']}")
        return answer["result"]

    async def submit(self, *steps: Mapping[str, Any], flow: str = FLOW) -> Any:
        """Start a flow, submit its forms, and return its last answer."""
        answer = await self.post(flow, steps[0])
        for step in steps[1:]:
            answer = await self.post(f"{flow}/{answer['flow_id']}", step)
            if answer.get("errors") or answer["type"] == "abort":
                raise HomeError(f"{step} was answered with {answer}")
        return answer

    async def add_bot(self, *, more: Mapping[str, Any] | None = None, **settings: Any) -> str:
        """Add a bot by its form, under the name that the form suggests, and return its id."""
        form = await self.post(FLOW, {"handler": DOMAIN})
        (name,) = [field["description"]["suggested_value"] for field in form["data_schema"] if field["name"] == "name"]
        attached = await self.post(f"{FLOW}/{form['flow_id']}", {"name": name, **settings, "more": more or {}})
        added = await self.post(f"{FLOW}/{attached['flow_id']}", {})
        entry_id: str = added["result"]["entry_id"]
        return entry_id

    async def add_data_stream(self, bot: str, data: Mapping[str, Any]) -> None:
        """Add a data stream to a bot by its form."""
        await self.submit({"handler": [bot, "data_stream"]}, data, flow=SUBENTRY_FLOW)

    async def open_doors(self, bot: str, **doors: Mapping[str, Any]) -> Any:
        """Open doors of a bot by its form, leave the others closed, and return what the form shows of them."""
        form = await self.submit({"handler": bot}, {"next_step_id": "doors"}, flow=OPTIONS_FLOW)
        filled = {field["name"]: doors.get(field["name"], {}) for field in form["data_schema"]}
        shown = await self.post(f"{OPTIONS_FLOW}/{form['flow_id']}", filled)
        if shown["type"] == "form" and not shown["errors"]:
            await self.post(f"{OPTIONS_FLOW}/{form['flow_id']}", {})
        elif shown["type"] != "create_entry":
            raise HomeError(f"The doors were not opened: {shown}")
        # It is being loaded anew; this is done when it is there again.
        await self.act("homeassistant.reload_config_entry", {"entry_id": bot})
        return shown["description_placeholders"]

    async def reach_other_homes(self, bot: str, **mqtt: Any) -> None:
        """Open a bot's way to other homes by its form, for as many messages as may be."""
        await self.open_doors(bot, limits={"rate": 100, "burst": 1000})
        form = await self.submit({"handler": bot}, {"next_step_id": "mqtt"}, flow=OPTIONS_FLOW)
        shown = await self.post(f"{OPTIONS_FLOW}/{form['flow_id']}", {"open": True, **mqtt})
        if shown["type"] != "create_entry":
            raise HomeError(f"The way to other homes was not opened: {shown}")

    async def connect_to_broker(self, port: int) -> None:
        """Set up Home Assistant's MQTT integration by its form."""
        other = {"set_client_cert": False, "set_ca_cert": "off"}
        broker = {"broker": "127.0.0.1", "port": port, "protocol": "5", "other_settings": other}
        await self.submit({"handler": "mqtt"}, broker)

    async def diagnostics(self, bot: str) -> Any:
        """Return the diagnostics of a bot."""
        return (await self.get(f"/api/diagnostics/config_entry/{bot}"))["data"]

    async def wait_for(self, what: str, is_so: Callable[[], Any], timeout: float = 10.0) -> None:  # noqa: ASYNC109 - it is what the error names
        """Wait until something is so, and raise when it does not come to be."""
        deadline = time.monotonic() + timeout
        while not await is_so():
            if time.monotonic() > deadline:
                raise HomeError(f"{what} did not happen within {timeout:.0f} seconds")
            await asyncio.sleep(0.05)

    async def keep_running(self) -> None:
        """Start Home Assistant again whenever somebody restarts it, and raise when it ends otherwise."""
        while await self.process.wait() == RESTART_EXIT_CODE:
            await self._listen()
        self._raise_ended()

    def _raise_ended(self) -> NoReturn:
        last_words = "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        raise HomeError(f"Home Assistant ended with code {self.process.returncode}. Its last words:\n{last_words}")

    def warnings(self) -> list[str]:
        """Return what the log says about the integration at warning level or above."""
        return [
            line
            for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines()
            if DOMAIN in line
            and any(level in line for level in (" WARNING ", " ERROR ", " CRITICAL "))
            # Home Assistant says this of every custom integration.
            and "We found a custom integration" not in line
        ]

    @property
    def _log(self) -> Path:
        return self.folder / "output.log"

    async def _is_listening(self) -> bool:
        if self.process.returncode is not None:
            self._raise_ended()
        with suppress(HomeError):
            await self.get("/manifest.json")
            return True
        return False

    async def _is_running(self) -> bool:
        return bool((await self.get("/api/core/state"))["state"] == "RUNNING")

    async def _onboard(self) -> None:
        """Create the owner, and use a token of theirs from here on."""
        client = {"client_id": f"{self.url}/"}
        owner = {"name": USERNAME.title(), "username": USERNAME, "password": PASSWORD, "language": "en", **client}
        code = (await self.post("/api/onboarding/users", owner))["auth_code"]
        form = {"grant_type": "authorization_code", "code": code, **client}
        self.tokens = await self._request("POST", "/auth/token", data=form)

    async def _request(self, method: str, path: str, **arguments: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"} if self.tokens else {}
        try:
            async with self._session.request(method, self.url + path, headers=headers, **arguments) as response:
                text = await response.text()
        except aiohttp.ClientError as err:
            raise HomeError(f"{method} {path} was not answered: {err}") from err
        if response.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise HomeError(f"{method} {path} was answered with {response.status}: {text[:500]}")
        return json.loads(text)


@asynccontextmanager
async def real_home(folder: Path, tokens: Mapping[str, Any] | None = None) -> AsyncIterator[RealHome]:
    """Start a Home Assistant with the configuration in a folder, and stop it in the end.

    Args:
        folder: The folder.
        tokens: Those of its owner, if it has one already.

    """
    async with aiohttp.ClientSession() as session:
        home = RealHome(folder, session)
        home.tokens.update(tokens or {})
        try:
            await home.start()
            yield home
        finally:
            await home.stop()


def write_network(folder: Path) -> int:
    """Have a Home Assistant listen on a free port of this machine only, and return the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    network = {
        "server_host": ["127.0.0.1"],
        "server_port": port,
        "cors_allowed_origins": [],
        "use_x_forwarded_for": False,
        "trusted_proxies": [],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": False,
        "ssl_profile": "modern",
        "use_x_frame_options": True,
        "error": None,
        "error_message": None,
    }
    write_storage(folder, "http", 2, 2, {"stable": network, "pending": None, "yaml_migration_done": True})
    return port


def write_storage(folder: Path, key: str, version: int, minor_version: int, data: Mapping[str, Any]) -> None:
    """Write what Home Assistant finds in its storage."""
    storage = folder / ".storage"
    storage.mkdir(exist_ok=True)
    stored = {"version": version, "minor_version": minor_version, "key": key, "data": data}
    (storage / key).write_text(json.dumps(stored), encoding="utf-8")
