//! What one call may use.

use std::time::Duration;

/// What one call may use. Every limit belongs to one call; nothing carries over to the next.
///
/// What a guest wants beyond it ends the call with the [`CallFault`](super::CallFault) that names the limit, except
/// for two that a guest cannot do harm with: lines of the log are dropped, and of a message it is told that it was not
/// taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Time on a processor, instantiation included. What the host computes for the guest inside of an import counts
    /// too; waiting in one does not, nor does waiting for a processor that others use. Looked at every 5 ms.
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
    /// Lines of the log, from whichever way they come.
    pub log_lines: u32,
    /// Messages of a connector's own.
    pub messages: u32,
    /// `clock.sleep` altogether.
    pub pause: Duration,
    /// Waiting in `lock.acquire` altogether.
    pub lock_wait: Duration,
}

impl Budget {
    /// For a policy, which computes and does nothing else, unless the configuration says otherwise.
    pub const POLICY: Self = Self {
        cpu: Duration::from_millis(50),
        // It waits for nothing, so all that this ends is what waits for WASI's clock. Far more than a busy machine makes of
        // the processor time: a policy must not lose its place because something else computes.
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

    /// For a connector, which waits for a vendor's cloud, unless the configuration says otherwise: a forced read may
    /// take two minutes.
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
