"""The languages: each says all that the English texts say, in words of its own, and nothing besides."""

import json
from pathlib import Path
import re
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
import pytest

from custom_components.datastream_bot.const import DOMAIN

from .conftest import AddBot
from .forms import show_form_of
from .test_texts import HOUSE, TEXTS, leaves

FOLDER: Final = HOUSE / "translations"
ENGLISH: Final = leaves(TEXTS)
LANGUAGES: Final = {path.stem: path for path in sorted(FOLDER.glob("*.json")) if path.stem != "en"}

SAME: Final = {
    "de": "Automation Bot Broker Details Domain Hops Host Microservice Microservices Name Optional Port Text",
    "es": "Bot Host",
    "fr": "Action Actions Assistant Bot Broker Description Message Messages Microservice Occasion Options "
    "Port Secret Type",
    "it": "Area Bot Broker Host Password",
    "nl": "Bot Broker Details Host Microservice Microservices Object Open Type",
}
"""The words that are the same as in English."""

NAMES: Final = {"HTTP API", "URL", "Webhook", "YAML", ""}
"""Names, which are the same in all languages, unless one puts its words in another order; and what has no words."""

FILLED_IN: Final = re.compile(r"\{([^},]+)[^}]*\}")
BOLD: Final = re.compile(r"\*\*([^*{]+)\*\*")


def texts_in(path: Path) -> dict[str, str]:
    """Return all texts of a language by their path."""
    return leaves(json.loads(path.read_text(encoding="utf-8")))


def marked(text: str) -> list[list[str]]:
    """Return what a text has to have in every language: code, links, bold parts, paragraphs and lists."""
    parts = (r"```.*?```|`[^`]+`", r"\]\([^)]*\)", r"\*\*", r"\n\n", r"^(?:-|\d\.) ")
    return [sorted(re.findall(part, text, re.DOTALL | re.MULTILINE)) for part in parts]


def test_there_are_these_languages() -> None:
    """Beside English."""
    assert LANGUAGES.keys() == SAME.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_text_and_none_is_left_over(language: str) -> None:
    """In the order and the form of the English ones, so that two files can be compared."""
    written = LANGUAGES[language].read_text(encoding="utf-8")
    texts = json.loads(written)
    assert [*leaves(texts)] == [*ENGLISH]
    assert written == json.dumps(texts, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_keeps_what_is_filled_in_and_what_is_to_be_typed(language: str) -> None:
    """Links and code as well; a name may be said once or twice."""
    for path, text in texts_in(LANGUAGES[language]).items():
        english = ENGLISH[path]
        assert marked(text) == marked(english), path
        assert {*FILLED_IN.findall(text)} == {*FILLED_IN.findall(english)}, path


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_calls_fields_and_forms_what_they_are_called(language: str) -> None:
    """In bold, as a form shows them in this language."""
    texts = texts_in(LANGUAGES[language])
    for path, text in texts.items():
        for english, translated in zip(BOLD.findall(ENGLISH[path]), BOLD.findall(text), strict=True):
            called = {texts[each] for each in ENGLISH if ENGLISH[each] == english}
            assert english in NAMES or not called or translated in called, path


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_is_written_like_a_text(language: str) -> None:
    """It ends as the English one does, without a space too many."""
    for path, text in texts_in(LANGUAGES[language]).items():
        assert text == text.strip(), path
        assert "  " not in text, path
        assert text[-1] == ENGLISH[path][-1] or ENGLISH[path][-1] not in ".:?", path


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_a_few_words_are_the_same_as_in_english(language: str) -> None:
    """Those that are listed, and none is listed in vain."""
    same = {text for path, text in texts_in(LANGUAGES[language]).items() if text == ENGLISH[path]}
    assert {FILLED_IN.sub("", text).strip(" :.") for text in same} - NAMES == {*SAME[language].split()}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_home_assistant_takes_every_text(hass: HomeAssistant, language: str, add_bot: AddBot) -> None:
    """It leaves out what it cannot fill in, and says so in the log."""
    await add_bot()
    for part in TEXTS:
        taken = await async_get_translations(hass, language, part, {DOMAIN})
        english = await async_get_translations(hass, "en", part, {DOMAIN})
        assert taken.keys() == english.keys()
        assert taken != english


async def test_a_form_is_in_the_language_of_home_assistant(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Also what it lists."""
    hass.config.language = "de"
    form: Any = await show_form_of(await add_bot(), "mqtt")
    assert form["description_placeholders"]["there"] == "- keine"
