"""Saved pages, all invented: articles and comments are prose, the boilerplate around them is not.

Compared once with what trafilatura 2.3.1 extracts from these six pages (it is no dependency). It
chooses the same articles and comments, but for a moderator's purpose it errs on both sides: it
drops titles, captions and a whole forum post, and keeps the closed half of a <details>, a hidden
spoiler, signatures and sign-up cards. From it comes the rule that names decide first and the share
of links second; not its scoring of paragraphs, which drops what is short, as comments are.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from spoilerguard.text.reading import read

PAGES = Path(__file__).parent / "data" / "pages"

# What must be prose, and what must not.
EXPECTED: dict[str, tuple[list[str], list[str]]] = {
    "genesis": (
        [
            "The Salt Lantern by Odile Marrow",
            "the letters were written by his widow all along.",
            "the state of the tide",
            "The sea keeps no secrets",
            "I did not see the fire coming.",
            "Nobody sees the fire coming",
        ],
        [
            "Skip to main",
            "Reviews A to Z",
            "You are here",
            "Share this",
            "Click to share",
            "Related",
            "The Glass Orchard",
            "Leave a Reply",
            "Your email address",
            "Notify me",
            "I read slowly",
            "Recent Posts",
            "Ash and Marmalade",
            "Copyright",
        ],
    ),
    "blogger": (
        [
            "The Eleventh Passenger",
            "a heater that clanked.",
            "The conductor is the murderer",
            "Even the trains look lonely.",
            "The dog lives, at least.",
            "You could have warned us about the conductor.",
        ],
        ["Fogbound Cinema", "View my complete profile", "January 2004", "Newer Post", "Subscribe to Posts"],
    ),
    "ghost": (
        [
            "Hollow Tide, ten years on",
            "A second look at the game",
            "Nobody forgets the lift.",
            "Captain Sorrel poisons the well",
            "And the secret ending?",
            "photographed on a borrowed console",
            "I would play it again tomorrow",
            "The well scene broke me",
        ],
        [
            "Sorrel was the tide",
            "not prose at all",
            "Sign in",
            "Sign up for Slow",
            "Subscribe",
            "No spam",
            "Read more",
            "Five quiet shooters",
            "not every hero",
            "Essays on games",
            "Powered by",
        ],
    ),
    "vbulletin": (
        [
            "Ysolde pushes the organist",
            "I had to put the book down",
            "can we talk about the bell tower?",
            "The organist had it coming",
        ],
        [
            "The dog was the narrator",
            "Remember Me",
            "Members List",
            "Proud owner of three",
            "Page 1 of 9",
            "Quick Reply",
            "You may not post",
            "Email this Page",
            "Draft",
        ],
    ),
    "disqus": (
        [
            "Cinder Lane is the year's kindest thriller",
            "It opens on a kettle",
            "The aunt did it with the ladder.",
            "My whole row gasped",
            "Mine laughed.",
            "Different towns.",
            "I have never trusted",
        ],
        [
            "The aunt walks free",
            "The Odd Usher",
            "3 Comments",
            "Log in with",
            "Join the",
            "kettles reserved",
            "Load more",
        ],
    ),
    "news": (
        [
            "Winter Ferry goes down with all hands",
            "After six seasons the ferry finally sank",
            "Mate Corrigan, shot in the opening minutes",
            "Corrigan, before the fog.",
            "We built a model of it",
            "the gull documentary",
            "I switched off when",
            "The bosun knew.",
        ],
        [
            "We value your",
            "812 partners",
            "Skip to main",
            "Advertisement",
            "Wednesday edition",
            "Television",
            "Copy link",
            "Evening Gannet",
            "in your inbox",
            "Email address",
            "Read next",
            "Ten shows",
            "Most popular",
            "goat incident",
            "gift of a subscription",
            "Gannet Holdings",
            "not prose",
        ],
    ),
}


def test_every_page_has_both_lists() -> None:
    assert {path.stem for path in PAGES.glob("*.html")} == EXPECTED.keys()
    assert all(prose and boilerplate for prose, boilerplate in EXPECTED.values())


@pytest.mark.parametrize("name", EXPECTED)
def test_articles_and_comments_are_prose_and_boilerplate_is_not(name: str) -> None:
    source = (PAGES / f"{name}.html").read_text("utf-8")
    prose = " ".join(read(source, "html").prose.split())
    wanted, unwanted = EXPECTED[name]
    assert [phrase for phrase in wanted if phrase not in prose] == []
    assert [phrase for phrase in unwanted if phrase in prose] == []


@pytest.mark.parametrize("name", EXPECTED)
def test_without_its_page_nothing_is_boilerplate(name: str) -> None:
    """The same markup as a fragment: an editor's draft may well have a class `sidebar`."""
    source = "<p>A draft.</p>" + (PAGES / f"{name}.html").read_text("utf-8")
    prose = " ".join(read(source, "html").prose.split())
    assert all(phrase in prose for phrase in EXPECTED[name][0])
    assert any(phrase in prose for phrase in EXPECTED[name][1])


@pytest.mark.parametrize(
    "body",
    [
        "<div class='sidebar'><p>{}</p></div><p>Short.</p>",  # most of the text, whatever it is called
        "<form><p>{}</p></form>",
        "<div class='has-sidebar'><p>{}</p></div><article>{}{}{}</article>",
        "<div class='nav'><article>{}</article></div>" + "<p>a comment of some length here</p>" * 3,
        "<div class='text'><p>{}</p><p><a>one</a> <a>two</a></p></div>",
    ],
)
def test_what_is_named_boilerplate_but_is_not(body: str) -> None:
    story = "She hides the letter in the clock, and the clock burns. " * 3
    source = "<!doctype html><body>" + body.format(story, story, story, story)
    document = read(source, "html")
    assert document.prose.count("the clock burns") == source.count("the clock burns")
