//! Field cases: components that are made to hurt.

cases! {}
