"""The areas of the home, as content names them."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import area_registry as ar
import voluptuous as vol

from ..errors import nearest


@callback
def find_area(hass: HomeAssistant, text: str) -> str:
    """Return the id of the area that has this id, else this name, else this alias alone.

    Raises:
        Invalid: There is none, with the names that may have been meant.

    """
    areas = ar.async_get(hass)
    if (area := areas.async_get_area(text) or areas.async_get_area_by_name(text)) is not None:
        return area.id
    aliased = areas.async_get_areas_by_alias(text)
    if len(aliased) == 1:
        return aliased[0].id
    raise vol.Invalid(nearest(text, (each.name for each in areas.async_list_areas())))
