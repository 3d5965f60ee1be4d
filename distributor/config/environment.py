"""What the process's environment says; read here and nowhere else."""

import os
from collections.abc import Mapping

from distributor.problems import Language

LANGUAGE_VARIABLE = "DISTRIBUTOR_LANG"


def process_environment() -> Mapping[str, str]:
    """Return a copy of the environment of this process."""
    return dict(os.environ)


def preferred_language(environment: Mapping[str, str]) -> Language:
    """Return the language to speak: DISTRIBUTOR_LANG, else English for an English locale, else Chinese."""
    chosen = environment.get(LANGUAGE_VARIABLE, "")
    if chosen in ("zh", "en"):
        return "zh" if chosen == "zh" else "en"
    locale = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    return "en" if locale.lower().startswith("en") else "zh"
