"""A real Home Assistant in a process of its own, set up from nothing and reached as its users reach it.

It listens on 127.0.0.1 only, on a free port, and keeps all that it writes in a folder that goes when it stops.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
import json
from pathlib import Path
import socket
import sys
import tempfile
import time
from typing import Any, Self

import aiohttp

PROJECT = Path(__file__).parent.parent
START_TIMEOUT = 120.0
STOP_TIMEOUT = 30.0


class HomeError(Exception):
    """Home Assistant did not do what was asked."""


class RealHome:
    """A running Home Assistant, with the token of its owner."""

    def __init__(self, folder: Path, port: int, session: aiohttp.ClientSession) -> None:
        """Initialize the home."""
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self._session = session
        self._headers: dict[str, str] = {}

    async def get(self, path: str) -> Any:
        """Return the answer to a GET request."""
        return await self._request("GET", path)

    async def post(self, path: str, data: Mapping[str, Any]) -> Any:
        """Return the answer to a POST request of JSON."""
        return await self._request("POST", path, json=data)

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
            await self._log_in(websocket)
            await websocket.send_json({"id": 1, "type": command, **data})
            answer = await websocket.receive_json()
        if not answer["success"]:
            raise HomeError(f"{command}: {answer['error']['message']}")
        return answer["result"]

    async def _log_in(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        await websocket.receive_json()
        token = self._headers["Authorization"].removeprefix("Bearer ")
        await websocket.send_json({"type": "auth", "access_token": token})
        await websocket.receive_json()

    async def wait_for(self, what: str, is_so: Callable[[], Any], timeout: float = 10.0) -> None:  # noqa: ASYNC109 - it is what the error names
        """Wait until something is so, and raise when it does not come to be."""
        deadline = time.monotonic() + timeout
        while not await is_so():
            if time.monotonic() > deadline:
                raise HomeError(f"{what} did not happen within {timeout:.0f} seconds")
            await asyncio.sleep(0.05)

    async def onboard(self, name: str, username: str, password: str) -> None:
        """Create the owner, and use a token of theirs from here on."""
        client = {"client_id": f"{self.url}/"}
        user = {"name": name, "username": username, "password": password, "language": "en", **client}
        code = (await self.post("/api/onboarding/users", user))["auth_code"]
        form = {"grant_type": "authorization_code", "code": code, **client}
        tokens = await self._request("POST", "/auth/token", data=form)
        self._headers = {"Authorization": f"Bearer {tokens['access_token']}"}

    async def is_listening(self) -> bool:
        """Return whether the web server answers."""
        with suppress(HomeError):
            await self.get("/manifest.json")
            return True
        return False

    async def is_running(self) -> bool:
        """Return whether Home Assistant has started."""
        return bool((await self.get("/api/core/state"))["state"] == "RUNNING")

    async def _request(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            async with self._session.request(method, self.url + path, headers=self._headers, **arguments) as response:
                text = await response.text()
        except aiohttp.ClientError as err:
            raise HomeError(f"{method} {path} was not answered: {err}") from err
        if response.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
            raise HomeError(f"{method} {path} was answered with {response.status}: {text[:500]}")
        return json.loads(text)


class Process:
    """The process of a Home Assistant; nothing else is ever stopped."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        """Initialize the process."""
        self._process = process
        self._log = log

    @classmethod
    async def start(cls, folder: Path) -> Self:
        """Start Home Assistant in a folder."""
        log = folder / "output.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "homeassistant", "--config", str(folder), "--skip-pip"),
                cwd=folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                # Ctrl-C is for whoever started this, who stops Home Assistant in turn.
                start_new_session=True,
            )
        return cls(process, log)

    @property
    def pid(self) -> int:
        """Return the id of the process."""
        return self._process.pid

    async def kill(self) -> None:
        """Kill Home Assistant, as a power cut would."""
        self._process.kill()
        await self._process.wait()

    async def died(self) -> None:
        """Raise when Home Assistant ends by itself."""
        code = await self._process.wait()
        last_words = "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        raise HomeError(f"Home Assistant ended with code {code}. Its last words:\n{last_words}")

    async def stop(self) -> None:
        """Stop Home Assistant."""
        if self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def warnings(self) -> list[str]:
        """Return what the log has to say about the integration at warning level or above."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [
            line
            for line in lines
            if "datastream_bot" in line
            and any(level in line for level in (" WARNING ", " ERROR ", " CRITICAL "))
            # Home Assistant says this of every custom integration.
            and "We found a custom integration" not in line
        ]


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def furnish(folder: Path, port: int, configuration: str) -> None:
    """Write what Home Assistant finds when it starts for the first time."""
    (folder / "configuration.yaml").write_text(configuration, encoding="utf-8")
    (folder / "custom_components").symlink_to(PROJECT / "custom_components", target_is_directory=True)
    storage = folder / ".storage"
    storage.mkdir()
    http = {
        "server_host": ["127.0.0.1"],
        "server_port": port,
        "cors_allowed_origins": [],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": True,
        "ssl_profile": "modern",
        "use_x_frame_options": True,
        "created_at": "2026-01-01T00:00:00+00:00",
        "error": None,
        "error_message": None,
    }
    stored: dict[str, dict[str, Any]] = {
        "http": {
            "version": 2,
            "minor_version": 2,
            "data": {"stable": http, "pending": None, "yaml_migration_done": True},
        },
        # The steps of onboarding that ask the cloud.
        "onboarding": {
            "version": 4,
            "minor_version": 1,
            "data": {"done": ["core_config", "analytics", "integration"]},
        },
    }
    for key, content in stored.items():
        (storage / key).write_text(json.dumps({"key": key, **content}), encoding="utf-8")


@asynccontextmanager
async def real_home(configuration: str) -> AsyncIterator[tuple[RealHome, Process]]:
    """Start a Home Assistant with this configuration, and stop it in the end."""
    with tempfile.TemporaryDirectory(prefix="datastream-bot-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        port = free_port()
        furnish(folder, port, configuration)
        async with aiohttp.ClientSession() as session:
            process = await Process.start(folder)
            home = RealHome(folder, port, session)
            died = asyncio.create_task(process.died())
            try:
                listening = asyncio.create_task(home.wait_for("The start", home.is_listening, START_TIMEOUT))
                done, _ = await asyncio.wait((listening, died), return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                yield home, process
            finally:
                died.cancel()
                await process.stop()
