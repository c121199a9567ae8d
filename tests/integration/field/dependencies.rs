//! Field cases: what is built into the program.

cases! {}
