import featurestore as fs

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
