"""Repairs in a real browser: from an issue to the form that mends it."""

from typing import Any

from anyio.from_thread import BlockingPortal
from playwright.sync_api import expect
import pytest

from ..real.home import RealHome
from .conftest import Person

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

GONE = "looks after what is gone"


@pytest.fixture
def _attic(home: RealHome, portal: BlockingPortal) -> None:
    """Let a bot look after the attic, which there is no more."""

    async def issues() -> list[Any]:
        found = (await home.ask("repairs/list_issues"))["issues"]
        return [issue for issue in found if issue["translation_key"] == "target_gone"]

    async def lose_attic() -> None:
        area = (await home.ask("config/area_registry/create", name="Attic"))["area_id"]
        await home.add_bot(target={"area_id": [area], "entity_id": ["light.porch"]})
        await home.ask("config/area_registry/delete", area_id=area)
        await home.wait_for("The issue", issues, timeout=30)

    portal.call(lose_attic)


@pytest.mark.usefixtures("_attic")
def test_an_issue_leads_to_the_form_that_mends_it(person: Person) -> None:
    """It stays when the form is closed, and ends when that is saved."""
    page = person.page
    person.open("/config/repairs")
    for look in ("An issue", "An issue that is still there"):
        page.get_by_text(GONE).first.click()
        expect(page.get_by_text("was removed from Home Assistant: Attic")).to_be_visible()
        expect(page.get_by_role("link", name="Learn more")).to_be_visible()
        person.look(look)
        person.press("Open the form")
        expect(page.locator("step-flow-form").get_by_text("Area not found")).to_be_visible()
        person.look(f"{look}, and its form")
        page.get_by_role("button", name="Close").last.click()
        expect(page.locator("step-flow-form")).to_have_count(0)

    page.get_by_text(GONE).first.click()
    person.press("Open the form")
    page.locator("ha-target-picker-item-row", has_text="attic").get_by_role("button").last.click()
    expect(page.locator("step-flow-form").get_by_text("Area not found")).to_have_count(0)
    person.press("Next")
    expect(page.get_by_text("1 lights and switches")).to_be_visible()
    person.submit()
    expect(page.get_by_text(GONE)).to_have_count(0)
    person.look("Nothing to repair")
