//! A disk: a queue with bandwidth, and flushes that cost a latency of their own.

use broker_model::types::{Duration, Instant};

use super::token_bucket::{Rate, TokenBucket};

/// What a disk can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiskProfile {
    /// Bandwidth of writes.
    pub rate: Rate,
    /// What a flush (`fsync`) costs beside its bytes, in nanoseconds.
    pub fsync: Duration,
    /// Capacity in bytes.
    pub capacity: u64,
}

/// The disk of one host.
#[derive(Clone, Debug)]
pub struct Disk {
    profile: DiskProfile,
    queue: TokenBucket,
    fsync_busy: Duration,
    slowdown: u64,
    used: u64,
    full: bool,
}

impl Disk {
    /// An idle, empty disk.
    #[must_use]
    pub const fn new(profile: DiskProfile) -> Self {
        Self {
            profile,
            queue: TokenBucket::new(profile.rate),
            fsync_busy: 0,
            slowdown: 1,
            used: 0,
            full: false,
        }
    }

    /// Writes bytes behind everything before; returns when they are durable.
    pub fn write(&mut self, now: Instant, bytes: u64) -> Instant {
        self.used = self.used.saturating_add(bytes);
        self.queue.transfer(now, bytes, self.slowdown)
    }

    /// Flushes `bytes` that were not durable yet; returns when they are.
    pub fn fsync(&mut self, now: Instant, bytes: u64) -> Instant {
        let written = self.write(now, bytes);
        let latency = self.profile.fsync * self.slowdown;
        self.fsync_busy += latency;
        written + latency
    }

    /// Makes the disk `factor` times slower; 1 is its own speed again.
    pub fn slow_down(&mut self, factor: u64) {
        self.slowdown = factor.max(1);
    }

    /// Fills the disk up, or frees the space again.
    pub const fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// Whether there is no room for more.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.full || self.used >= self.profile.capacity
    }

    /// Bytes per second at the moment's speed, without burst.
    #[must_use]
    pub const fn bytes_per_second(&self) -> u64 {
        let rate = self.profile.rate.base / self.slowdown;
        if rate == 0 { 1 } else { rate }
    }

    /// When everything taken so far is durable.
    #[must_use]
    pub const fn free_at(&self) -> Instant {
        self.queue.free_at()
    }

    /// Time spent so far.
    #[must_use]
    pub const fn busy(&self) -> Duration {
        self.queue.busy() + self.fsync_busy
    }

    /// Bytes written so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.queue.bytes()
    }

    /// Jobs that had not finished are gone: the power was cut.
    pub fn clear(&mut self, now: Instant) {
        self.queue.clear(now);
    }
}
