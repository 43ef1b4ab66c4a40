"""The look of a light: how it is on."""

from typing import Any, Final

from homeassistant.components.light.const import ColorMode, LightEntityStateAttribute
from homeassistant.components.light.reproduce_state import COLOR_MODE_TO_ATTRIBUTE
from homeassistant.core import State

_LOOK: Final = tuple(LightEntityStateAttribute)


def look_of(state: State) -> dict[str, Any]:
    """Return the brightness, the color and the effect of a light, with the mode only if its color is known."""
    look: dict[str, Any] = {name: state.attributes[name] for name in _LOOK if state.attributes.get(name) is not None}
    color = COLOR_MODE_TO_ATTRIBUTE.get(look.get(LightEntityStateAttribute.COLOR_MODE, ColorMode.UNKNOWN))
    if color is not None and color.state_attr not in look:
        del look[LightEntityStateAttribute.COLOR_MODE]
    return look
