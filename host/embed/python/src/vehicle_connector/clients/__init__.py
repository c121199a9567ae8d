"""Facts about the failures of others' clients, for `Keeper(facts=…)`. None of the clients is imported here."""
