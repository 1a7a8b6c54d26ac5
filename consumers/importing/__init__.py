"""Import: what another system exported becomes commands, with the moments that are known and no others."""
