"""Repair issues in a real Home Assistant that is killed: they come back by themselves, and go when they are mended."""

from typing import Any, Final

import pytest

from .home import OPTIONS_FLOW, RealHome

FIX: Final = "/api/repairs/issues/fix"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def wait_for_issue(home: RealHome, *, there: bool = True) -> None:
    """Wait until there is the issue about what a bot looks after, or is not any more."""

    async def is_so() -> bool:
        issues = (await home.ask("repairs/list_issues"))["issues"]
        return any(issue["translation_key"] == "target_gone" for issue in issues) is there

    await home.wait_for("The issue", is_so, timeout=60)


async def test_an_issue_outlives_a_kill_but_not_its_mending(demo: RealHome) -> None:
    """Its dialog leads to the form before and after."""
    area_id = (await demo.ask("config/area_registry/create", name="Attic"))["area_id"]
    bot = await demo.add_bot(target={"entity_id": ["light.porch"], "area_id": [area_id]})
    await demo.ask("config/area_registry/delete", area_id=area_id)
    await wait_for_issue(demo)
    # All is written down then, and later only in a while.
    await demo.stop()
    await demo.start()
    await wait_for_issue(demo)
    await demo.kill()
    await demo.start()
    await wait_for_issue(demo)

    dialog = await demo.post(FIX, {"handler": "datastream_bot", "issue_id": f"target_gone_{bot}"})
    _, flow_id = (await demo.post(f"{FIX}/{dialog['flow_id']}", {}))["next_flow"]
    form = await demo.get(f"{OPTIONS_FLOW}/{flow_id}")
    assert form["step_id"] == "bot"
    mended: dict[str, Any] = {"target": {"entity_id": ["light.porch"]}, "more": {}}
    await demo.post(f"{OPTIONS_FLOW}/{flow_id}", mended)
    await demo.post(f"{OPTIONS_FLOW}/{flow_id}", {})
    await wait_for_issue(demo, there=False)
    assert demo.warnings() == []
