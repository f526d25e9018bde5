//! One timer for each key, ordered by deadline, so that a tick looks only at what is due.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::types::Instant;

/// Timers of a machine. A key has at most one deadline; setting it again moves it.
#[derive(Clone, Debug)]
pub(crate) struct Timers<K> {
    at: BTreeMap<K, Instant>,
    order: BTreeSet<(Instant, K)>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self { at: BTreeMap::new(), order: BTreeSet::new() }
    }
}

impl<K: Ord + Copy> Timers<K> {
    /// Sets or moves the timer of `key`.
    pub(crate) fn set(&mut self, key: K, at: Instant) {
        if let Some(old) = self.at.insert(key, at) {
            self.order.remove(&(old, key));
        }
        self.order.insert((at, key));
    }

    /// Whether `key` has a timer.
    pub(crate) fn is_set(&self, key: K) -> bool {
        self.at.contains_key(&key)
    }

    /// Removes the timer of `key`, if there is one.
    pub(crate) fn cancel(&mut self, key: K) {
        if let Some(old) = self.at.remove(&key) {
            self.order.remove(&(old, key));
        }
    }

    /// The earliest deadline, [`Instant::FAR`] without timers.
    pub(crate) fn next_deadline(&self) -> Instant {
        self.order.first().map_or(Instant::FAR, |&(at, _)| at)
    }

    /// Takes the earliest timer that is due at `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<K> {
        let &(at, key) = self.order.first()?;
        if at > now {
            return None;
        }
        self.order.pop_first();
        self.at.remove(&key);
        Some(key)
    }

    /// Removes every timer whose key does not satisfy `keep`.
    pub(crate) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.at.retain(|key, _| keep(key));
        self.order.retain(|(_, key)| keep(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_timer_fires_once_at_its_last_deadline() {
        let mut timers = Timers::default();
        timers.set(1_u8, Instant(5));
        timers.set(2, Instant(6));
        timers.set(1, Instant(9));
        assert_eq!(timers.next_deadline(), Instant(6));
        assert_eq!(timers.pop(Instant(7)), Some(2));
        assert_eq!(timers.pop(Instant(8)), None);
        assert_eq!(timers.pop(Instant(9)), Some(1));
        assert_eq!(timers.next_deadline(), Instant::FAR);
    }

    #[test]
    fn a_cancelled_timer_never_fires() {
        let mut timers = Timers::default();
        timers.set(1_u8, Instant(5));
        timers.cancel(1);
        assert_eq!(timers.pop(Instant::FAR), None);
    }
}
