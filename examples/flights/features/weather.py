"""The weather at an airport."""

import featurestore as fs
from features.entities import airport
from features.sources import weather


@fs.features(entity=airport, source=weather, version="v1")
class Weather:
    """The last observation, as long as it is less than six hours old."""

    conditions = fs.attributes(
        "temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib", ttl="6h"
    )
