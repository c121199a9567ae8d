//! Field cases: brokers that are slow, deny, forget or flood.

cases! {}
