//! A disk: a queue with bandwidth, and flushes that cost a latency of their own.

use broker_model::types::{Duration, Instant};

use super::token_bucket::{Rate, TokenBucket};

/// What a disk can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiskProfile {
    /// Bandwidth of reads and writes.
    pub rate: Rate,
    /// What a flush (`fsync`) costs beside its bytes, in nanoseconds.
    pub fsync: Duration,
    /// What a read from the disk costs beside its bytes, in nanoseconds.
    pub read: Duration,
    /// Capacity in bytes.
    pub capacity: u64,
}

/// The disk of one host.
#[derive(Clone, Debug)]
pub struct Disk {
    profile: DiskProfile,
    queue: TokenBucket,
    fsync_busy: Duration,
    slowdown: (u64, u64),
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
            slowdown: (1, 1),
            used: 0,
            full: false,
        }
    }

    /// Writes bytes behind everything before; returns when they are durable.
    pub fn write(&mut self, now: Instant, bytes: u64) -> Instant {
        self.used = self.used.saturating_add(bytes);
        let (numerator, denominator) = self.slowdown;
        self.queue.transfer_slowed(now, bytes, numerator, denominator)
    }

    /// Flushes `bytes` that were not durable yet; returns when they are.
    pub fn fsync(&mut self, now: Instant, bytes: u64) -> Instant {
        let written = self.write(now, bytes);
        let latency = self.slowed(self.profile.fsync);
        self.fsync_busy += latency;
        written + latency
    }

    /// Reads bytes behind everything before; returns when they are in memory.
    pub fn read(&mut self, now: Instant, bytes: u64) -> Instant {
        let (numerator, denominator) = self.slowdown;
        let read = self.queue.transfer_slowed(now, bytes, numerator, denominator);
        read + self.slowed(self.profile.read)
    }

    const fn slowed(&self, latency: Duration) -> Duration {
        latency.saturating_mul(self.slowdown.0) / self.slowdown.1
    }

    /// Makes the disk slower by a factor of `numerator / denominator`, at least 1; 1 is its own
    /// speed again.
    pub const fn slow_down(&mut self, numerator: u64, denominator: u64) {
        assert!(denominator > 0 && numerator >= denominator, "a factor is at least one");
        self.slowdown = (numerator, denominator);
    }

    /// Fills the disk up, or frees the space again.
    pub const fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// Files were deleted: their space is there again.
    pub const fn free(&mut self, bytes: u64) {
        self.used = self.used.saturating_sub(bytes);
    }

    /// Whether there is no room for more.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.full || self.used >= self.profile.capacity
    }

    /// Bytes per second at the moment's speed, without burst.
    #[must_use]
    pub const fn bytes_per_second(&self) -> u64 {
        let rate = self.profile.rate.base.saturating_mul(self.slowdown.1) / self.slowdown.0;
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

#[cfg(test)]
mod tests {
    use broker_model::types::{Instant, SECOND};

    use super::{Disk, DiskProfile, Rate};

    fn disk() -> Disk {
        let rate = Rate { base: 1_000, burst: 1_000, credit: 0 };
        Disk::new(DiskProfile { rate, fsync: 4, read: 10, capacity: 1 << 30 })
    }

    #[test]
    fn reads_wait_behind_writes_and_cost_a_latency() {
        let mut disk = disk();
        assert_eq!(disk.write(Instant(0), 1_000), Instant(SECOND));
        assert_eq!(disk.read(Instant(0), 500), Instant(SECOND + SECOND / 2 + 10));
    }

    #[test]
    fn a_disk_can_be_half_as_slow_again() {
        let mut disk = disk();
        disk.slow_down(3, 2);
        assert_eq!(disk.read(Instant(0), 1_000), Instant(SECOND * 3 / 2 + 15));
        assert_eq!(disk.bytes_per_second(), 666);
    }
}
