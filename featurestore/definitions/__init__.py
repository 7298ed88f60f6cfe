"""The nouns: frozen values, references, types, expressions, fingerprints. Nothing here reads or writes anything."""
