//! Fetches: one in flight for each broker, incremental sessions (KIP-227), prefetch.
//!
//! A broker with buffered data of any partition is not fetched from until the application has
//! taken it all.

use broker_model::protocol::fetch::{FetchPartition, FetchRequest, FetchResponse};
use broker_model::protocol::{ErrorCode, Request};
use broker_model::types::{Instant, Offset};

use super::Consumer;
use super::buffer::CompletedFetch;
use super::requests::{Channel, Purpose};
use crate::client::ClientContext;

impl Consumer {
    /// Sends a fetch to every broker that may get one. Java's order of brokers is that of a hash
    /// table; this one agrees with its recordings.
    pub(super) fn send_fetches(&mut self, cx: &mut ClientContext<'_>) {
        for at in (0..self.subscriptions.brokers.len()).rev() {
            let broker = &self.subscriptions.brokers[at];
            let idle = broker.fetchable > 0 && broker.buffered == 0 && !broker.in_flight;
            if idle && self.requests.usable_at(Channel::Main, broker.node) <= cx.now.instant {
                self.send_fetch(cx, at);
            }
        }
    }

    fn send_fetch(&mut self, cx: &mut ClientContext<'_>, at: usize) {
        let full = self.subscriptions.brokers[at].session_epoch == 0;
        let mut changed = std::mem::take(&mut self.changed);
        changed.clear();
        let forgotten = self.subscriptions.take_changes(at, full, &mut changed);
        let max_bytes = self.config.max_partition_fetch_bytes;
        let partitions = changed.iter().map(|&(partition, sent)| FetchPartition {
            partition,
            fetch_offset: sent.offset,
            current_leader_epoch: sent.epoch,
            last_fetched_epoch: None,
            log_start_offset: Offset::NONE,
            max_bytes,
        });
        let broker = &mut self.subscriptions.brokers[at];
        let request = FetchRequest {
            replica: None,
            max_wait: self.config.fetch_max_wait,
            min_bytes: self.config.fetch_min_bytes,
            max_bytes: self.config.fetch_max_bytes,
            isolation: self.config.isolation_level,
            session_id: broker.session_id,
            session_epoch: broker.session_epoch,
            partitions: partitions.collect(),
            forgotten,
            rack: self.config.client_rack,
        };
        broker.in_flight = true;
        let to = (Channel::Main, broker.node);
        let timeout = self.config.request_timeout;
        self.requests.send(cx, to, Purpose::Fetch(at), timeout, Request::Fetch(request));
        self.changed = changed;
    }

    /// Takes the answer of a fetch: sessions here, data into the buffer.
    pub(super) fn handle_fetch(
        &mut self,
        cx: &mut ClientContext<'_>,
        at: usize,
        response: FetchResponse,
    ) {
        let broker = &mut self.subscriptions.brokers[at];
        broker.in_flight = false;
        let full = broker.session_epoch == 0;
        if response.error != ErrorCode::None {
            // The next fetch is full; unless the session is unknown it names and so closes it.
            if response.error == ErrorCode::FetchSessionIdNotFound {
                broker.session_id = 0;
            }
            broker.session_epoch = 0;
            return;
        }
        (broker.session_id, broker.session_epoch) = match response.session_id {
            0 => (0, 0),
            id if full => (id, 1),
            id if broker.session_epoch == i32::MAX => (id, 1),
            id => (id, broker.session_epoch + 1),
        };
        let FetchResponse { partitions, entries, .. } = response;
        let data = self.buffer.store(entries);
        for fetched in partitions {
            if let (error, Some((leader, epoch))) = (fetched.error, fetched.current_leader)
                && matches!(error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch)
                && self.metadata.hint(fetched.partition, leader, epoch)
            {
                self.validate_position(fetched.partition);
            }
            let Some(assigned) = self.subscriptions.get(fetched.partition) else { continue };
            let Some(sent) = assigned.sent.filter(|_| assigned.sent_to == Some(at)) else {
                continue;
            };
            let (stamp, partition) = (assigned.stamp, fetched.partition);
            self.subscriptions.set_buffered(partition, stamp, true);
            self.buffer.push(CompletedFetch::new(stamp, sent.offset, data, fetched));
        }
        self.buffer.seal(data);
        let _ = cx;
    }

    /// The fetch of a broker got no answer.
    pub(super) fn fetch_failed(&mut self, at: usize) {
        let broker = &mut self.subscriptions.brokers[at];
        broker.in_flight = false;
        broker.session_epoch = 0;
    }

    /// Closes the fetch sessions on the brokers; nobody waits for the answers.
    pub(super) fn end_sessions(&mut self, cx: &mut ClientContext<'_>) {
        for at in 0..self.subscriptions.brokers.len() {
            let broker = &mut self.subscriptions.brokers[at];
            let (node, session_id) = (broker.node, broker.session_id);
            (broker.session_id, broker.session_epoch) = (0, 0);
            let asked = session_id != 0 || broker.in_flight;
            if !asked || self.requests.usable_at(Channel::Main, node) > cx.now.instant {
                continue;
            }
            let request = FetchRequest {
                max_wait: self.config.fetch_max_wait,
                min_bytes: self.config.fetch_min_bytes,
                max_bytes: self.config.fetch_max_bytes,
                isolation: self.config.isolation_level,
                session_id,
                session_epoch: -1,
                rack: self.config.client_rack,
                ..FetchRequest::default()
            };
            let timeout = self.config.request_timeout;
            let to = (Channel::Main, node);
            self.requests.send(cx, to, Purpose::EndSession, timeout, Request::Fetch(request));
        }
    }

    /// When a broker that could be fetched from leaves its reconnect backoff.
    pub(super) fn fetch_deadline(&self, now: Instant) -> Instant {
        let mut first = Instant::FAR;
        for broker in &self.subscriptions.brokers {
            if broker.fetchable > 0 && broker.buffered == 0 && !broker.in_flight {
                let at = self.requests.usable_at(Channel::Main, broker.node);
                if at > now {
                    first = first.min(at);
                }
            }
        }
        first
    }
}
