//! Field cases: details of judgement.

cases! {}
