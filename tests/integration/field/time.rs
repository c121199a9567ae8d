//! Field cases: wrong clocks, Retry-After, and limits by the day.

cases! {}
