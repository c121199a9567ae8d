//! Field cases: which vehicle is meant, and vehicles that are not there.

cases! {}
