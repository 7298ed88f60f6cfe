"""What the features are about."""

import featurestore as fs

airport = fs.Entity("airport", keys={"faa": fs.String}, description="An airport, by its FAA code.")
carrier = fs.Entity("carrier", keys={"carrier": fs.String}, description="An airline, by its two letters.")
flight = fs.Entity("flight", keys={"carrier": fs.String, "flight": fs.Int64}, description="A flight number.")
plane = fs.Entity("plane", keys={"tailnum": fs.String}, description="An aircraft, by its tail number.")
route = fs.Entity("route", keys={"origin": fs.String, "dest": fs.String}, description="From one airport to another.")
