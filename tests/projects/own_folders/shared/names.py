ORDERS = "own_orders"
