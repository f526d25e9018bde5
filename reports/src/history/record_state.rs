//! What is known of each record: bits, send order, the batch it was sent in.

use super::send::Ids;

/// Bits of one record.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RecordState(u8);

impl RecordState {
    /// Handed to a producer.
    pub const SENT: u8 = 1;
    /// Its send was answered with an offset.
    pub const ACKNOWLEDGED: u8 = 1 << 1;
    /// Its send failed for certain: it is in no log.
    pub const FAILED: u8 = 1 << 2;
    /// Nobody can tell whether its send took effect.
    pub const UNKNOWN: u8 = 1 << 3;
    /// Some consumer was given it.
    pub const POLLED: u8 = 1 << 4;
    /// A complete read from the beginning found it.
    pub const AUDITED: u8 = 1 << 5;
    /// A complete read did not find it, and compaction may have removed it.
    pub const COMPACTED: u8 = 1 << 6;
    /// Its batch was given another producer epoch before it was known whether it is in the log.
    pub const RENUMBERED: u8 = 1 << 7;
    /// Its send was answered, one way or the other.
    pub const ANSWERED: u8 = Self::ACKNOWLEDGED | Self::FAILED | Self::UNKNOWN;

    /// Whether any of these bits is set.
    #[must_use]
    #[inline]
    pub const fn any(self, bits: u8) -> bool {
        self.0 & bits != 0
    }

    /// Sets bits; gives what was there before.
    #[inline]
    pub(super) const fn set(&mut self, bits: u8) -> Self {
        let before = *self;
        self.0 |= bits;
        before
    }
}

/// What the records of one send have in common. 40 bytes a batch, not a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Batch {
    /// When it was handed to the producer, simulated ns.
    pub sent_ns: u64,
    /// When it was acknowledged, simulated ns; 0 before.
    pub acknowledged_ns: u64,
    /// Offset of its first record as acknowledged; -1 before.
    pub base_offset: i64,
    /// Send ordinal of its first record.
    pub first_ordinal: u32,
    /// The partition it was sent to.
    pub partition: u32,
    /// The producer session.
    pub session: u32,
    /// Its transaction, or [`Batch::NO_TRANSACTION`].
    pub transaction: u32,
}

impl Batch {
    /// Stands for "in no transaction".
    pub const NO_TRANSACTION: u32 = u32::MAX;

    /// Its transaction.
    #[must_use]
    #[inline]
    pub const fn transaction(&self) -> Option<u32> {
        if self.transaction == Self::NO_TRANSACTION { None } else { Some(self.transaction) }
    }
}

/// Every so many sends the table notes which batch it has come to.
const STRIDE: u32 = 128;

/// A walk over records that mostly stay in one batch: the ordinals of the batch it came to last.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Walk {
    first: u32,
    count: u32,
}

/// The table by record id: five bytes a record. The batch of a record is found by its ordinal,
/// since batches are in order of theirs.
#[derive(Clone, Debug, Default)]
pub struct Records {
    states: Vec<RecordState>,
    ordinals: Vec<u32>,
    batches: Vec<Batch>,
    /// The batch of every [`STRIDE`]th ordinal.
    strides: Vec<u32>,
    sent_count: u32,
}

impl Records {
    /// Records were sent in one batch, in this order. Gives how many were never sent before.
    pub(super) fn send(&mut self, ids: impl Ids, batch: Batch) -> u64 {
        let number = u32::try_from(self.batches.len()).expect("fewer batches than records");
        let first = self.sent_count;
        self.batches.push(Batch { first_ordinal: first, ..batch });
        let mut fresh = 0;
        for id in ids {
            let index = id as usize;
            if index >= self.states.len() {
                self.grow(index);
            }
            self.ordinals[index] = self.sent_count;
            if self.sent_count.is_multiple_of(STRIDE) {
                self.strides.push(number);
            }
            self.sent_count += 1;
            fresh += u64::from(!self.states[index].set(RecordState::SENT).any(RecordState::SENT));
        }
        fresh
    }

    /// Grows the table well past an id, so that it happens once in thousands of records; at first
    /// little, since most runs have few records, and checks walk over all of the table.
    #[cold]
    fn grow(&mut self, index: usize) {
        let bound = (index + 1).next_power_of_two().max(1 << 8);
        let bound = bound.min((index + 1).next_multiple_of(1 << 14));
        self.states.resize(bound, RecordState::default());
        self.ordinals.resize(bound, 0);
    }

    /// The state of a record; the empty state for an id never sent.
    #[must_use]
    #[inline]
    pub fn state(&self, id: u32) -> RecordState {
        self.states.get(id as usize).copied().unwrap_or_default()
    }

    /// Sets bits of a record; `None` for an id never sent, else the bits before.
    #[inline]
    pub(super) fn set(&mut self, id: u32, bits: u8) -> Option<RecordState> {
        let state = self.states.get_mut(id as usize)?;
        if !state.any(RecordState::SENT) {
            return None;
        }
        Some(state.set(bits))
    }

    /// Number of the batch of a record that was sent.
    #[must_use]
    pub fn batch_index(&self, id: u32) -> u32 {
        let ordinal = self.ordinals[id as usize];
        let stride = (ordinal / STRIDE) as usize;
        let first = self.strides[stride] as usize;
        let last = self.strides.get(stride + 1).map_or(self.batches.len(), |&b| b as usize + 1);
        let later = self.batches[first..last].partition_point(|b| b.first_ordinal <= ordinal);
        u32::try_from(first + later - 1).expect("fewer batches than records")
    }

    /// As [`Self::batch_index`], at once if it is the batch that the walk came to last, which it
    /// mostly is. `None` while the walk stays in that batch.
    #[inline]
    pub(super) fn next_batch(&self, id: u32, walk: &mut Walk) -> Option<u32> {
        let ordinal = self.ordinals[id as usize];
        if ordinal.wrapping_sub(walk.first) < walk.count {
            return None;
        }
        Some(self.enter_batch(id, walk))
    }

    fn enter_batch(&self, id: u32, walk: &mut Walk) -> u32 {
        let index = self.batch_index(id);
        let next =
            self.batches.get(index as usize + 1).map_or(self.sent_count, |b| b.first_ordinal);
        walk.first = self.batches[index as usize].first_ordinal;
        walk.count = next - walk.first;
        index
    }

    /// The batch of a record that was sent.
    #[must_use]
    #[inline]
    pub fn batch(&self, id: u32) -> &Batch {
        &self.batches[self.batch_index(id) as usize]
    }

    /// A batch by number.
    #[must_use]
    #[inline]
    pub fn batch_at(&self, index: u32) -> &Batch {
        &self.batches[index as usize]
    }

    /// Every batch sent, in send order.
    #[must_use]
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }

    #[inline]
    pub(super) fn batch_mut(&mut self, index: u32) -> &mut Batch {
        &mut self.batches[index as usize]
    }

    /// Position of a record among all sends of the run: smaller was sent earlier.
    #[must_use]
    #[inline]
    pub fn ordinal(&self, id: u32) -> u32 {
        self.ordinals[id as usize]
    }

    /// The offset a record was acknowledged at, if it was.
    #[must_use]
    pub fn acknowledged_offset(&self, id: u32) -> Option<i64> {
        let batch = self.batch(id);
        if batch.base_offset < 0 || !self.state(id).any(RecordState::ACKNOWLEDGED) {
            return None;
        }
        Some(batch.base_offset + i64::from(self.ordinal(id) - batch.first_ordinal))
    }

    /// Every record sent, in id order, with its state and batch.
    pub fn iter(&self) -> impl Iterator<Item = (u32, RecordState, &Batch)> {
        // Neighboring ids were mostly sent in one batch.
        let (mut walk, mut index) = (Walk::default(), 0);
        (0_u32..).zip(&self.states).filter(|(_, state)| state.any(RecordState::SENT)).map(
            move |(id, &state)| {
                index = self.next_batch(id, &mut walk).unwrap_or(index);
                (id, state, self.batch_at(index))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Batch, Records, Walk};
    use proptest::prelude::*;

    const BATCH: Batch = Batch {
        sent_ns: 0,
        acknowledged_ns: 0,
        base_offset: -1,
        first_ordinal: 0,
        partition: 0,
        session: 0,
        transaction: Batch::NO_TRANSACTION,
    };

    proptest! {
        #[test]
        fn the_batch_of_a_record_agrees_with_a_table(
            lengths in prop::collection::vec(0_u32..300, 1..30),
        ) {
            let (mut records, mut naive) = (Records::default(), Vec::new());
            for (number, length) in (0_u32..).zip(lengths) {
                let first = u32::try_from(naive.len()).expect("a short test");
                records.send(first..first + length, BATCH);
                naive.extend((0..length).map(|_| number));
            }
            let (mut walk, mut last) = (Walk::default(), None);
            for (id, &number) in (0_u32..).zip(&naive) {
                prop_assert_eq!(records.batch_index(id), number);
                last = records.next_batch(id, &mut walk).or(last);
                prop_assert_eq!(last, Some(number));
            }
            let (mut walk, mut last) = (Walk::default(), None);
            let rows: Vec<(u32, u32)> = (0_u32..).zip(naive).collect();
            for &(id, number) in rows.iter().rev().step_by(7) {
                last = records.next_batch(id, &mut walk).or(last);
                prop_assert_eq!(last, Some(number));
            }
        }
    }
}
