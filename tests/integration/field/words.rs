//! Field cases: payloads as people and templates write them.

cases! {}
