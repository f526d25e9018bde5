//! Thread pools: jobs wait for the first thread that is free.

use broker_model::types::{Duration, Instant};

/// A pool of threads that serve jobs in order of arrival.
///
/// The end of a job is known when it arrives, so a job costs no event of its own.
#[derive(Clone, Debug)]
pub struct ThreadPool {
    free_at: Vec<Instant>,
    busy: Duration,
}

impl ThreadPool {
    /// A pool of `threads` idle threads, at least one.
    #[must_use]
    pub fn new(threads: u32) -> Self {
        Self { free_at: vec![Instant(0); threads.max(1) as usize], busy: 0 }
    }

    /// Takes a job of `cost` CPU time at `now`; returns when it is done.
    pub fn schedule(&mut self, now: Instant, cost: Duration) -> Instant {
        let first = self.free_at.iter_mut().min().expect("a pool has at least one thread");
        let done = (*first).max(now) + cost;
        *first = done;
        self.busy += cost;
        done
    }

    /// Keeps every thread from taking jobs before `until` (the host stands still).
    pub fn block_until(&mut self, until: Instant) {
        for free in &mut self.free_at {
            *free = (*free).max(until);
        }
    }

    /// Forgets all jobs: the process ended.
    pub fn clear(&mut self, now: Instant) {
        self.free_at.fill(now);
    }

    /// CPU time spent so far, over all threads.
    #[must_use]
    pub const fn busy(&self) -> Duration {
        self.busy
    }

    /// How many threads.
    #[must_use]
    pub const fn threads(&self) -> usize {
        self.free_at.len()
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::Instant;

    use super::ThreadPool;

    #[test]
    fn jobs_wait_when_all_threads_are_busy() {
        let mut pool = ThreadPool::new(2);
        assert_eq!(pool.schedule(Instant(0), 10), Instant(10));
        assert_eq!(pool.schedule(Instant(0), 4), Instant(4));
        assert_eq!(pool.schedule(Instant(1), 5), Instant(9), "behind the shorter job");
        assert_eq!(pool.schedule(Instant(50), 5), Instant(55), "an idle thread starts at once");
        assert_eq!(pool.busy(), 24);
    }
}
