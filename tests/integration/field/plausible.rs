//! Field cases: what is published of a vehicle.

cases! {}
