"""From definitions to a relational plan, `Query`, and from that to the SQL of an engine. Nothing here does I/O."""
