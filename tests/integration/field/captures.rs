//! Field cases: secrets and private values that were to be captured and could not be.

cases! {}
