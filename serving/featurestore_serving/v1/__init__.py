"""The interface on the wire. All but `serving.proto` is generated from it: `make proto`."""
