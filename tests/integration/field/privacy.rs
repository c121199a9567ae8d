//! Field cases: what must not be quoted.

cases! {}
