//! Field cases: the state directory, the disk and the log.

cases! {}
