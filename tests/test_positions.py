"""Where persons are, told by real phones and scanners in real zones, however bad the positions are."""

from typing import Any

from homeassistant.components.zone import DATA_ZONE_STORAGE_COLLECTION
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest

from .conftest import AddBot, Home, SetPosition, SetPresence, track
from .days import everybody
from .home import METERS_A_DEGREE, PretendPhone, PretendScanner, state_of

WORK = 1000


async def add_zone(hass: HomeAssistant, name: str, distance: float, radius: float, *, passive: bool = False) -> None:
    """Add a zone so many meters north of the center of home, as its form does."""
    await hass.data[DATA_ZONE_STORAGE_COLLECTION].async_create_item(
        {
            "name": name,
            "latitude": hass.config.latitude + distance / METERS_A_DEGREE,
            "longitude": hass.config.longitude,
            "radius": radius,
            "passive": passive,
        }
    )


def believed(hass: HomeAssistant) -> dict[str, str]:
    """Return what the bot believes of each person."""
    attributes = state_of(hass, "binary_sensor.home_presence").attributes
    return {
        f"person.{name.lower()}": presence for presence in ("home", "away", "unsure") for name in attributes[presence]
    }


@pytest.mark.parametrize(("home_radius", "told_at_work"), [(20, "home"), (200, "Work")])
@pytest.mark.parametrize("passive", [False, True])
async def test_a_bad_position_is_no_return(
    hass: HomeAssistant,
    home: Home,
    at_position: SetPosition,
    add_bot: AddBot,
    home_radius: float,
    told_at_work: str,
    passive: bool,
) -> None:
    """Somebody at work whose circle of accuracy touches home turns nothing on, whichever zone is the smaller one."""
    await hass.config.async_update(radius=home_radius)
    await add_zone(hass, "Work", WORK, 100, passive=passive)
    await add_bot("Home")
    for person in ("anna", "bo"):
        await at_position(person, WORK, 10)
    assert home["light.porch"].commands == [False]

    await at_position("anna", WORK, 2500)

    told = state_of(hass, "person.anna")
    assert (told.state, "zone.home" in told.attributes["in_zones"]) == ("home" if passive else told_at_work, True)
    assert believed(hass) == {"person.anna": "unsure", "person.bo": "away"}
    await at_position("anna", WORK, 10)
    assert home["light.porch"].commands == [False]
    await at_position("anna", home_radius / 2, 2500)
    assert home["light.porch"].commands == [False, True]


@pytest.mark.parametrize(
    ("distance", "accuracy", "presence"),
    [
        (0, 0, "home"),
        (90, 5000, "home"),
        (110, 5, "away"),
        (110, 50, "unsure"),
        (1000, 850, "away"),
        (1000, 950, "unsure"),
        (1000, float("inf"), "unsure"),
    ],
)
async def test_the_center_of_a_position_decides(
    hass: HomeAssistant,
    home: Home,
    at_position: SetPosition,
    add_bot: AddBot,
    distance: float,
    accuracy: float,
    presence: str,
) -> None:
    """Inside home or outside; what it leaves open is only whether somebody outside may be inside."""
    await add_bot("Home")
    await at_position("anna", distance, accuracy)

    assert believed(hass)["person.anna"] == presence


@pytest.mark.parametrize("passive", [False, True])
async def test_a_person_in_a_zone_inside_home_is_home(
    hass: HomeAssistant,
    home: Home,
    at_position: SetPosition,
    add_bot: AddBot,
    passive: bool,
) -> None:
    """Somebody in the garden is not away, although the state is the name of the garden."""
    await add_zone(hass, "Garden", 50, 20, passive=passive)
    await add_bot("Home")
    await at_position("bo", WORK, 10)

    await at_position("anna", 50, 10)

    assert state_of(hass, "person.anna").state == ("home" if passive else "Garden")
    assert believed(hass)["person.anna"] == "home"
    assert home["light.porch"].commands == []


async def test_in_a_zone_that_only_reaches_into_home_the_position_decides(
    hass: HomeAssistant, home: Home, at_position: SetPosition, add_bot: AddBot
) -> None:
    """The street in front of the house is half inside home."""
    await add_zone(hass, "Street", 100, 50)
    await add_bot("Home")

    await at_position("anna", 90, 1)
    await at_position("bo", 120, 1)

    assert [state_of(hass, person).state for person in ("person.anna", "person.bo")] == ["Street", "Street"]
    assert believed(hass) == {"person.anna": "home", "person.bo": "away"}


@pytest.mark.parametrize(("distance", "presence"), [(50, "home"), (WORK, "away")])
@pytest.mark.parametrize("passive", [False, True])
async def test_a_scanner_of_a_zone_tells_without_a_position(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    distance: float,
    presence: str,
    passive: bool,
) -> None:
    """The one in the garage, which is inside home or far away."""
    await add_zone(hass, "Garage", distance, 20, passive=passive)
    hass.states.async_remove("device_tracker.anna")
    scanner = PretendScanner("Anna")
    await track(hass, scanner)
    options = {"associated_zone": "zone.garage"}
    er.async_get(hass).async_update_entity_options("device_tracker.anna", "device_tracker", options)
    await add_bot("Home")

    scanner.tell(is_connected=True)
    await hass.async_block_till_done()
    assert state_of(hass, "person.anna").state == "Garage"
    assert believed(hass)["person.anna"] == presence
    scanner.tell(is_connected=False)
    await hass.async_block_till_done()
    assert believed(hass)["person.anna"] == "away"


async def test_a_router_tells_home_without_a_position(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """It goes before what the phone tells."""
    hass.states.async_remove("device_tracker.anna")
    router = PretendScanner("Anna")
    await track(hass, router)
    await add_bot("Home")

    router.tell(is_connected=True)
    await hass.async_block_till_done()

    assert "latitude" not in state_of(hass, "person.anna").attributes
    assert believed(hass)["person.anna"] == "home"


async def test_moving_the_home_zone_moves_nobody_out_whom_a_router_knows(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Home Assistant gives persons the position of home when a router says no more than home."""
    await add_bot("Home")
    assert "latitude" in state_of(hass, "person.anna").attributes
    await hass.config.async_update(latitude=52.4, longitude=4.9)

    await persons("bo", "not_home")

    assert believed(hass) == {"person.anna": "home", "person.bo": "away"}


async def test_a_phone_that_names_a_zone_inside_home_and_no_position_is_home(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Although it does not say that home is around it."""
    await add_zone(hass, "Garage", 50, 20)
    hass.states.async_remove("device_tracker.anna")
    phone = PretendPhone("Anna")
    phone._attr_in_zones = ["zone.garage"]
    await track(hass, phone)
    await add_bot("Home")

    assert state_of(hass, "person.anna").attributes["in_zones"] == ["zone.garage"]
    assert believed(hass)["person.anna"] == "home"


@pytest.mark.parametrize(
    "position",
    [
        {"latitude": "north"},
        {"latitude": 91.0},
        {"latitude": float("nan")},
        {"longitude": None},
        {"gps_accuracy": None},
        {"gps_accuracy": -1},
        {"gps_accuracy": float("nan")},
        {"gps_accuracy": "bad"},
    ],
    ids=str,
)
async def test_a_position_that_is_none_says_nothing(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, position: dict[str, Any]
) -> None:
    """What else is known of the person counts, and nothing crashes."""
    await add_bot("Home")
    await persons("bo", "not_home")
    at_home: dict[str, Any] = {"latitude": hass.config.latitude, "longitude": hass.config.longitude, "gps_accuracy": 10}

    await persons("anna", "not_home", **at_home | position)
    assert home["light.porch"].commands == [False]
    await persons("anna", "home", **at_home | position)
    assert home["light.porch"].commands == [False, True]


async def test_without_a_home_zone_the_state_decides(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """It is gone for a moment when zones in YAML are loaded anew."""
    assert hass.states.get("zone.home") is None
    position = {"latitude": 0, "longitude": 0, "gps_accuracy": 10}
    hass.states.async_set("person.anna", "home", position)
    hass.states.async_set("person.bo", "not_home", position)
    await add_bot("Home")

    assert believed(hass) == {"person.anna": "home", "person.bo": "away"}


async def test_everybody_leaves_by_phone_and_comes_back(
    hass: HomeAssistant, home: Home, at_position: SetPosition, persons: SetPresence, add_bot: AddBot
) -> None:
    """On the way the position is bad now and then."""
    await add_bot("Home")
    for person in ("anna", "bo"):
        for distance, accuracy in ((90, 50), (130, 60), (500, 1000), (WORK, 10), (WORK, 2500), (WORK, 10)):
            await at_position(person, distance, accuracy)
    assert home["light.porch"].commands == [False]
    for distance, accuracy in ((500, 1000), (130, 60), (90, 50), (0, 10)):
        await at_position("bo", distance, accuracy)

    assert home["light.porch"].commands == [False, True]
    await everybody(persons, "home")
    assert home["light.porch"].commands == [False, True]


async def test_somebody_on_the_other_side_of_the_earth_is_away(
    hass: HomeAssistant, persons: SetPresence, add_bot: AddBot
) -> None:
    """Where the distance cannot be computed."""
    await add_bot("Home")
    opposite = {"latitude": -hass.config.latitude, "longitude": hass.config.longitude + 180, "gps_accuracy": 10}

    await persons("anna", "not_home", source_type="gps", **opposite)

    assert believed(hass)["person.anna"] == "away"
