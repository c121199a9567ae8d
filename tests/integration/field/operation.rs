//! Field cases: how the program is started, stopped, configured and asked.

cases! {}
