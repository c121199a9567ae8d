//! Field cases: whether the vehicle may have acted.

cases! {}
