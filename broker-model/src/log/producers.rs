//! What a replica knows of the producers that wrote to it. Source: KIP-98, KIP-360.

use alloc::vec::Vec;

use crate::records::Batch;
use crate::types::{
    CoordinatorEpoch, Duration, MILLISECOND, Offset, ProducerEpoch, ProducerId, Timestamp,
};

/// How many batches of a producer are kept to find duplicates: the most a client may have in
/// flight.
pub(super) const KEPT_BATCHES: usize = 5;

/// A batch by which a duplicate is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeptBatch {
    /// Where it was appended.
    pub base_offset: Offset,
    /// Its largest timestamp.
    pub timestamp: Timestamp,
    /// Its first sequence.
    pub base_sequence: i32,
    /// Its last sequence.
    pub last_sequence: i32,
}

impl KeptBatch {
    /// Where its last record is.
    #[must_use]
    pub fn last_offset(&self) -> Offset {
        let count = i64::from(self.last_sequence) - i64::from(self.base_sequence);
        // Sequences wrap to 0 behind the largest.
        let count = if count < 0 { count + (1 << 31) } else { count };
        self.base_offset + count
    }
}

/// One producer as a replica knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducerState {
    /// The producer.
    pub id: ProducerId,
    /// Its newest epoch here.
    pub epoch: ProducerEpoch,
    /// The newest coordinator that wrote a marker for it; -1 if none did.
    pub coordinator_epoch: CoordinatorEpoch,
    /// First offset of its open transaction.
    pub txn_start: Option<Offset>,
    /// Timestamp of its last batch or marker.
    pub last_timestamp: Timestamp,
    kept: [KeptBatch; KEPT_BATCHES],
    kept_count: u8,
}

impl ProducerState {
    pub(super) const fn new(id: ProducerId, epoch: ProducerEpoch) -> Self {
        const NOTHING: KeptBatch = KeptBatch {
            base_offset: Offset::NONE,
            timestamp: Timestamp::NONE,
            base_sequence: -1,
            last_sequence: -1,
        };
        Self {
            id,
            epoch,
            coordinator_epoch: CoordinatorEpoch(-1),
            txn_start: None,
            last_timestamp: Timestamp::NONE,
            kept: [NOTHING; KEPT_BATCHES],
            kept_count: 0,
        }
    }

    /// The batches kept, oldest first.
    #[must_use]
    pub fn kept(&self) -> &[KeptBatch] {
        &self.kept[..usize::from(self.kept_count)]
    }

    /// The last sequence of this epoch; -1 before the first batch of an epoch.
    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        self.kept().last().map_or(-1, |k| k.last_sequence)
    }

    /// The kept batch of the same epoch with the same first and last sequence, if any.
    #[must_use]
    pub fn duplicate_of(&self, body: &Batch) -> Option<&KeptBatch> {
        if body.producer_epoch != self.epoch {
            return None;
        }
        let last = body.last_sequence();
        self.kept()
            .iter()
            .rev()
            .find(|k| k.base_sequence == body.base_sequence && k.last_sequence == last)
    }

    /// For a planted bug: the last batch, if the one behind it is as long.
    pub(super) fn lookalike_of(&self, body: &Batch) -> Option<&KeptBatch> {
        let last = self.kept().last().filter(|_| body.producer_epoch == self.epoch)?;
        let length = last.last_sequence - last.base_sequence;
        let follows = last.last_sequence.checked_add(1) == Some(body.base_sequence);
        (follows && body.last_sequence() - body.base_sequence == length).then_some(last)
    }

    fn raise_epoch(&mut self, epoch: ProducerEpoch) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.kept_count = 0;
        }
    }

    /// Takes a batch of records in.
    pub(super) fn push(&mut self, body: &Batch, base_offset: Offset) {
        self.raise_epoch(body.producer_epoch);
        self.last_timestamp = body.max_timestamp;
        // A sequence that is kept already was let in by a planted bug, which must not
        // make the producer's next batch look out of order.
        if body.base_sequence < 0 || self.duplicate_of(body).is_some() {
            return;
        }
        if usize::from(self.kept_count) == KEPT_BATCHES {
            self.kept.copy_within(1.., 0);
            self.kept_count -= 1;
        }
        self.kept[usize::from(self.kept_count)] = KeptBatch {
            base_offset,
            timestamp: body.max_timestamp,
            base_sequence: body.base_sequence,
            last_sequence: body.last_sequence(),
        };
        self.kept_count += 1;
    }

    /// Takes an end-transaction marker in. A marker of the same epoch (before transactions
    /// v2) leaves sequences and kept batches as they are.
    pub(super) fn mark(&mut self, body: &Batch, coordinator_epoch: CoordinatorEpoch) {
        self.raise_epoch(body.producer_epoch);
        self.coordinator_epoch = coordinator_epoch;
        self.last_timestamp = body.max_timestamp;
        self.txn_start = None;
    }

    fn forget_before(&mut self, log_start: Offset) {
        let gone = self.kept().iter().take_while(|k| k.last_offset() < log_start).count();
        self.kept.copy_within(gone.., 0);
        self.kept_count -= u8::try_from(gone).expect("at most as many as are kept");
    }

    fn keep_last_only(&mut self) {
        if self.kept_count > 1 {
            self.kept[0] = self.kept[usize::from(self.kept_count) - 1];
            self.kept_count = 1;
        }
    }
}

/// All producers of a replica, in order of id.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Producers {
    ids: Vec<ProducerId>,
    states: Vec<ProducerState>,
}

impl Producers {
    pub(super) fn get(&self, id: ProducerId) -> Option<&ProducerState> {
        self.ids.binary_search(&id).ok().map(|i| &self.states[i])
    }

    /// The state of a producer, new if it is not known.
    pub(super) fn entry(&mut self, id: ProducerId, epoch: ProducerEpoch) -> &mut ProducerState {
        let at = match self.ids.binary_search(&id) {
            Ok(at) => at,
            Err(at) => {
                self.ids.insert(at, id);
                self.states.insert(at, ProducerState::new(id, epoch));
                at
            }
        };
        &mut self.states[at]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ProducerState> {
        self.states.iter()
    }

    /// What a snapshot file would hold.
    pub(super) fn snapshot(&self) -> Self {
        let mut snapshot = self.clone();
        snapshot.keep_last_only();
        snapshot
    }

    /// Forgets all but each producer's last batch, as every restart does.
    pub(super) fn keep_last_only(&mut self) {
        self.states.iter_mut().for_each(ProducerState::keep_last_only);
    }

    /// For a historic rule: forgets batches below `log_start`, and producers of which no batch is
    /// left.
    pub(super) fn forget_before(&mut self, log_start: Offset) {
        for state in &mut self.states {
            state.forget_before(log_start);
        }
        self.states.retain(|s| s.txn_start.is_some() || s.kept_count > 0);
        self.index();
    }

    fn index(&mut self) {
        self.ids.clear();
        self.ids.extend(self.states.iter().map(|s| s.id));
    }

    pub(super) fn expire(&mut self, wall: Timestamp, expiration: Duration) {
        let limit = i64::try_from(expiration / MILLISECOND).unwrap_or(i64::MAX);
        self.states
            .retain(|s| s.txn_start.is_some() || wall.0.saturating_sub(s.last_timestamp.0) < limit);
        self.index();
    }
}
