"""Languages told by their function words."""

import pytest

from ditar.text.function_words import can_tell, likely_language


@pytest.mark.parametrize(
    "text, language",
    [
        ("Nobody had ever seen such an enormous elephant before that afternoon.", "en"),
        ("Es war einmal ein König, der hatte drei Söhne.", "de"),
        ("Je ne sais pas ce que vous voulez dire.", "fr"),
        ("El perro corre por la calle y no quiere volver a casa.", "es"),
        ("Non so che cosa mi vuoi dire con questo.", "it"),
        ("Hij heeft gisteren met zijn moeder over het weer gesproken.", "nl"),
        ("Não sei o que você quer dizer com isso.", "pt"),
        ("Good morning.", None),
        ("Washington, Adams, Jefferson, Madison.", None),
    ],
)
def test_sentences(text, language):
    assert likely_language(text) == language


def test_what_is_known_at_all():
    assert can_tell("en-us") and can_tell("pt-br") and not can_tell("cmn")
