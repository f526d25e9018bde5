//! Sends and their outcomes, transactions, calls.

use super::ids::CallKind;
use super::record_state::{Batch, RecordState, Walk};
use super::recorder::Recorder;
use super::transaction::Outcome;

/// A row of record ids: `ids.iter().map(|id| id.0)`, a range, a copied slice.
pub trait Ids: ExactSizeIterator<Item = u32> + Clone {}
impl<T: ExactSizeIterator<Item = u32> + Clone> Ids for T {}

/// A send of some records to one partition, in send order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// Where to.
    pub partition: u32,
    /// The producer session ([`Recorder::session`]).
    pub session: u32,
    /// The transaction it is part of ([`Recorder::transaction_begun`]).
    pub transaction: Option<u32>,
    /// When, simulated ns.
    pub at_ns: u64,
}

/// An answered batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Acknowledged {
    /// Where it went.
    pub partition: u32,
    /// Offset of its first record; negative when the answer tells none (`acks=0`, a
    /// duplicate whose offset the leader no longer knows).
    pub base_offset: i64,
    /// Its bytes on the wire, header included; counts for the topic's throughput.
    pub bytes: u64,
    /// When the client saw the answer, simulated ns.
    pub at_ns: u64,
}

/// Records whose sends ended with one error.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Unsent {
    /// Failed for certain.
    pub failed: u64,
    /// With an unknown outcome.
    pub unknown: u64,
}

/// The caller answers a record that it never sent.
#[cold]
fn unsent(id: u32) -> ! {
    panic!("record {id} is answered but was not sent")
}

impl Recorder {
    /// Records were handed to a producer for one partition, in this order. Call it once per
    /// batch or larger run; order per partition and session is the order of these calls.
    pub fn sent(&mut self, ids: impl Ids, sent: Sent) {
        self.note(1, u64::from(sent.partition) << 32 | u64::from(sent.session), sent.at_ns);
        self.digest.word(u64::from(sent.transaction.unwrap_or(u32::MAX)));
        self.digest.ids(ids.clone());
        let batch = Batch {
            sent_ns: sent.at_ns,
            acknowledged_ns: 0,
            base_offset: -1,
            first_ordinal: 0,
            partition: sent.partition,
            session: sent.session,
            transaction: sent.transaction.unwrap_or(Batch::NO_TRANSACTION),
        };
        self.totals.sent += self.records.send(ids, batch);
    }

    /// As [`Self::sent`], for a batch that may have been put together anew: when its first record
    /// is on record, it was sent before and counts once.
    pub fn sent_once(&mut self, ids: impl Ids, sent: Sent) {
        let mut first = ids.clone();
        if !first.next().is_some_and(|id| self.records.state(id).any(RecordState::SENT)) {
            self.sent(ids, sent);
        }
    }

    /// A batch was acknowledged. The ids are those of one batch, in order.
    pub fn acknowledged(&mut self, ids: impl Ids, answer: Acknowledged) {
        self.note(2, u64::from(answer.partition), answer.at_ns);
        self.digest.word(answer.base_offset.cast_unsigned());
        self.digest.ids(ids.clone());
        let count = ids.len() as u64;
        let first = ids.clone().next();
        self.stamp(ids, &answer);
        if let Some(partition) = self.topology.partition(answer.partition) {
            let phase = self.phases.current();
            let topic = partition.topic;
            self.throughput.add(topic, phase, answer.at_ns, count, answer.bytes);
            if let Some(id) = first {
                let session = self.records.batch(id).session;
                let instance = self.topology.session_of(session).instance;
                self.flow.sent(instance, topic, phase, count);
            }
        }
    }

    /// Marks records as acknowledged, and writes offset and time of the answer into the sent
    /// batches it covers.
    fn stamp(&mut self, ids: impl Ids, answer: &Acknowledged) {
        let (mut fresh, mut answered) = (0, 0);
        let (mut walk, mut last) = (Walk::default(), u32::MAX);
        for (position, id) in (0_i64..).zip(ids) {
            let before = self.records.set(id, RecordState::ACKNOWLEDGED);
            let before = before.unwrap_or_else(|| unsent(id));
            fresh += u64::from(!before.any(RecordState::ACKNOWLEDGED));
            answered += u64::from(!before.any(RecordState::ANSWERED));
            let Some(index) = self.records.next_batch(id, &mut walk) else { continue };
            last = index;
            let ordinal = self.records.ordinal(id);
            let batch = self.records.batch_mut(index);
            if answer.base_offset >= 0 {
                let skipped = i64::from(ordinal - batch.first_ordinal);
                batch.base_offset = (answer.base_offset + position - skipped).max(-1);
            }
            batch.acknowledged_ns = answer.at_ns;
        }
        self.totals.acknowledged += fresh;
        self.totals.answered += answered;
        if last == u32::MAX {
            return;
        }
        // A batch is part of one transaction or none, so the last record speaks for all.
        if let Some(transaction) = self.records.batch_at(last).transaction() {
            self.transactions.get_mut(transaction).acknowledged += fresh as u32;
        }
    }

    /// The producer gave a batch another epoch before it knew whether it is in the log.
    pub fn renumbered(&mut self, ids: impl Ids) {
        self.digest.word(31 << 56);
        for id in ids {
            self.records.set(id, RecordState::RENUMBERED);
        }
    }

    /// The sends failed for certain: the records are in no log (refused by the broker, too
    /// large, expired before they were put into any request). `why` is the error's name.
    pub fn failed(&mut self, ids: impl Ids, why: &'static str, at_ns: u64) {
        self.note(3, 0, at_ns);
        self.digest.text(why);
        self.digest.ids(ids.clone());
        let fresh = self.resolve(ids, RecordState::FAILED);
        self.totals.failed += fresh;
        self.send_errors.entry(why).or_default().failed += fresh;
    }

    /// Nobody can tell whether the sends took effect: no answer came before the producer gave
    /// up or died, or none was asked for. `why` is the error's name.
    pub fn unknown(&mut self, ids: impl Ids, why: &'static str, at_ns: u64) {
        self.note(4, 0, at_ns);
        self.digest.text(why);
        self.digest.ids(ids.clone());
        let fresh = self.resolve(ids, RecordState::UNKNOWN);
        self.totals.unknown += fresh;
        self.send_errors.entry(why).or_default().unknown += fresh;
    }

    /// Sets an outcome; gives how many had it not yet.
    fn resolve(&mut self, ids: impl Ids, outcome: u8) -> u64 {
        let (mut fresh, mut answered) = (0, 0);
        for id in ids {
            let before = self.records.set(id, outcome);
            let before = before.unwrap_or_else(|| unsent(id));
            fresh += u64::from(!before.any(outcome));
            answered += u64::from(!before.any(RecordState::ANSWERED));
        }
        self.totals.answered += answered;
        fresh
    }

    /// A producer began a transaction; gives its number.
    pub fn transaction_begun(&mut self, session: u32, at_ns: u64) -> u32 {
        self.note(5, u64::from(session), at_ns);
        self.transactions.begin(session, at_ns)
    }

    /// `commitTransaction` returned.
    pub fn transaction_committed(&mut self, transaction: u32, at_ns: u64) {
        self.end_transaction(transaction, Outcome::Committed, at_ns);
    }

    /// `abortTransaction` returned, or the commit failed for certain.
    pub fn transaction_aborted(&mut self, transaction: u32, at_ns: u64) {
        self.end_transaction(transaction, Outcome::Aborted, at_ns);
    }

    /// Nobody can tell how it ended: the producer died or gave up on the answer.
    pub fn transaction_unknown(&mut self, transaction: u32, at_ns: u64) {
        self.end_transaction(transaction, Outcome::Unknown, at_ns);
    }

    pub(super) fn end_transaction(&mut self, transaction: u32, outcome: Outcome, at_ns: u64) {
        self.note(6, u64::from(transaction) << 8 | outcome as u64, at_ns);
        self.transactions.end(transaction, outcome, at_ns);
    }

    /// Calls of a kind began. Sends count themselves.
    pub fn calls_started(&mut self, kind: CallKind, count: u64) {
        self.digest.word(7 << 56 | (kind as u64) << 48 | count);
        self.calls.started(kind, count);
    }

    /// Calls of a kind returned, with whatever result.
    pub fn calls_ended(&mut self, kind: CallKind, count: u64) {
        self.digest.word(8 << 56 | (kind as u64) << 48 | count);
        self.calls.ended(kind, count);
    }
}
