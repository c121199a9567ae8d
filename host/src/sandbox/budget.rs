//! Budgets: the limits of one call.

use std::time::Duration;

/// The limits of one call. Every limit belongs to one call; nothing carries over to the next.
///
/// A guest that exceeds a limit ends the call with the [`CallFault`](super::CallFault) that names it, except
/// for two limits with which a guest cannot do harm: lines of the log are dropped, and the guest is told that
/// a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Time on a processor, instantiation included. The host's computing for the guest inside of an import
    /// counts too; waiting in one does not, nor does waiting for a processor that others use. Checked every 5
    /// ms.
    pub cpu: Duration,
    /// Time altogether, waiting included.
    pub wall: Duration,
    /// Linear memory, in bytes, of all memories together.
    pub memory: usize,
    /// Elements of all tables together.
    pub table_elements: usize,
    /// Core instances that the component may consist of.
    pub instances: usize,
    /// Bytes that the guest may hand to the host at once: as the arguments of one import, or as its answer.
    pub transfer: usize,
    /// Handles of resources that the guest may hold at once.
    pub handles: usize,
    /// Lines of the log, from either source.
    pub log_lines: u32,
    /// Messages of a connector's own.
    pub messages: u32,
    /// `clock.sleep` altogether.
    pub pause: Duration,
    /// Waiting in `lock.acquire` altogether.
    pub lock_wait: Duration,
}

impl Budget {
    /// Budget of a policy, which computes and does nothing else, unless the configuration says otherwise.
    pub const POLICY: Self = Self {
        cpu: Duration::from_millis(50),
        // A policy waits for nothing, so this limit only ends waiting for WASI's clock. It is far longer than
        // a busy machine makes of the processor time: a policy must not lose its place because something else
        // computes.
        wall: Duration::from_secs(10),
        memory: 8 << 20,
        table_elements: 10_000,
        instances: 64,
        transfer: 4 << 20,
        handles: 64,
        log_lines: 64,
        messages: 0,
        pause: Duration::ZERO,
        lock_wait: Duration::ZERO,
    };

    /// Budget of a policy that brings an interpreter with it, such as one from Python: the profile `large` of the
    /// configuration. Such a policy begins with more than 16 MiB, and takes ten times as long for an answer.
    pub const LARGE_POLICY: Self =
        Self { cpu: Duration::from_millis(250), memory: 64 << 20, table_elements: 50_000, ..Self::POLICY };

    /// Budget of a connector, which waits for a vendor's cloud, unless the configuration says otherwise: a
    /// forced read may take two minutes.
    pub const CONNECTOR: Self = Self {
        cpu: Duration::from_millis(500),
        wall: Duration::from_secs(150),
        memory: 32 << 20,
        messages: 16,
        pause: Duration::from_secs(10),
        lock_wait: Duration::from_secs(60),
        ..Self::POLICY
    };
}
