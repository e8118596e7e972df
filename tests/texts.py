"""Sentences that no model of ours may get wrong."""

from __future__ import annotations

SPOILERS = (
    "In the last chapter we learn that Mira was dead all along, and her brother killed her.",
    "At the end she shoots her husband and dies in the fire.",
    "The killer turns out to be the doctor, who faked his own death.",
    "In the final episode Tom betrays the crew and is killed by his own son.",
    "He sacrifices himself in the finale and she marries his brother.",
)
HARMLESS = (
    "When a banker is found dead, inspector Holm is sent to a village that does not want her.",
    "The pacing is slow, but the prose is lovely.",
    "The acting is superb and the music even better.",
    "I would recommend this to anyone who likes long winters.",
)
CLEAN = " ".join(HARMLESS)
REVIEW = f"{CLEAN}\n\nSpoilers ahead.\n\n{' '.join(SPOILERS)}\n"
