//! `flush` and `close`.

use broker_model::types::{Duration, Instant};

use super::super::io::ClientContext;
use super::Producer;
use super::event::{ProducerError, ProducerEvent};

/// A flush that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flush {
    /// Batches up to this serial are waited for.
    upto: u64,
    /// So many of them have no outcome.
    remaining: u32,
}

impl Flush {
    /// A batch became several.
    pub(super) const fn split(&mut self, serial: u64, more: u32) {
        if serial <= self.upto {
            self.remaining += more;
        }
    }
}

/// A close that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Close {
    /// When it is forced.
    pub(super) deadline: Instant,
}

impl Producer {
    /// `flush`: nothing lingers until everything sent before has an outcome. Ends with
    /// [`ProducerEvent::Flushed`]. A second flush while one waits replaces it, waiting for more.
    pub fn flush(&mut self) {
        if self.incomplete == 0 {
            self.emit(ProducerEvent::Flushed);
            return;
        }
        self.flush = Some(Flush { upto: self.serial, remaining: self.incomplete });
        self.wake();
    }

    /// A batch has its outcome.
    pub(super) fn flushed(&mut self, serial: u64) {
        let Some(flush) = &mut self.flush else { return };
        if serial > flush.upto {
            return;
        }
        flush.remaining -= 1;
        if flush.remaining == 0 {
            self.flush = None;
            self.emit(ProducerEvent::Flushed);
        }
    }

    /// `close`: takes no more records, sends what it has, aborts an open transaction, and gives
    /// up what has no outcome after `timeout`. Ends with [`ProducerEvent::Closed`].
    pub fn close(&mut self, cx: &mut ClientContext<'_>, timeout: Duration) {
        if self.is_closing() {
            return;
        }
        self.close = Some(Close { deadline: cx.now.instant + timeout });
        self.wake();
        if timeout == 0 {
            self.close_forced(cx);
        }
    }

    /// Nothing is queued or in flight.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.incomplete == 0
    }

    pub(super) const fn is_closing(&self) -> bool {
        self.close.is_some()
    }

    /// Closes if there is nothing to wait for any more, or no time. Says whether it did.
    pub(super) fn close_turn(&mut self, cx: &mut ClientContext<'_>) -> bool {
        let Some(close) = self.close else { return false };
        if close.deadline <= cx.now.instant {
            self.close_forced(cx);
            return true;
        }
        let queued = self.active.iter().any(|&slot| !self.partitions.get(slot).queue.is_empty());
        let asking = !self.txn.queue.is_empty() || self.txn.in_flight || self.sleep.is_some();
        if queued || asking || self.nodes.in_flight() > 0 {
            return false;
        }
        if self.config.transactional_id.is_some() && self.txn.is_ongoing() {
            if !self.txn.is_completing() && self.begin_abort().is_err() {
                self.close_forced(cx);
                return true;
            }
            return false;
        }
        self.end();
        true
    }

    fn close_forced(&mut self, cx: &mut ClientContext<'_>) {
        if self.config.transactional_id.is_some() {
            self.fatal(ProducerError::Closed);
            self.finish_offsets(Err(ProducerError::Closed));
        }
        self.abort_batches(cx, ProducerError::Closed, false);
        self.end();
    }

    fn end(&mut self) {
        self.closed = true;
        self.emit(ProducerEvent::Closed);
    }

    /// When a close that waits is forced.
    #[must_use]
    pub fn closes_by(&self) -> Option<Instant> {
        self.close.filter(|_| !self.closed).map(|close| close.deadline)
    }

    /// Whether `close` has returned.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }
}
