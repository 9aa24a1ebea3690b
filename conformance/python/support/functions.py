"""A function for an agent to call; azure-ai-agents reads its schema from the signature and the docstring."""


def get_weather(location: str) -> str:
    """Tells the weather.

    :param location: The city to tell the weather of.
    :return: The weather.
    """
    return f"sunny in {location}"
