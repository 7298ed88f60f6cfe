"""Reading features online: the read path, the gRPC server, and the client."""
