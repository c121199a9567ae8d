//! Field cases: refusals of a grant, a PIN or a registration, and what follows from them.

cases! {}
