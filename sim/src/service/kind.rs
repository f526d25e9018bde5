//! What services do with records: kinds are Rust, scenarios select.

use broker_model::records::Payload;
use broker_model::types::{Instant, MILLISECOND, Offset, PartitionId, RecordId};

use crate::records::{Lane, Record, RecordTable};
use crate::world::Shared;

/// Some records of one batch, in order, each with the time it was finished.
#[derive(Clone, Copy, Debug)]
pub struct Slice<'a> {
    /// Which of the service's inputs, in the order of the scenario.
    pub input: usize,
    /// The partition.
    pub partition: PartitionId,
    /// Offset of the first record.
    pub base_offset: Offset,
    /// The records.
    pub records: &'a [RecordId],
    /// When each was finished, in order.
    pub finished: &'a [Instant],
}

/// A service: batches in; effects and outputs out. One call a slice, never one a record.
///
/// A crash cuts the slice at its instant: the service is then given only the records that were
/// finished by then.
pub trait Service: std::fmt::Debug {
    /// Processes finished records; pushes what is to be produced, in order.
    fn process(&mut self, shared: &mut Shared, slice: Slice<'_>, outputs: &mut Vec<RecordId>);
    /// The partition will be read again from `offset`.
    fn rewind(&mut self, _shared: &mut Shared, _partition: PartitionId, _offset: Offset) {}
    /// Everything of the partition below `offset` is committed.
    fn committed(&mut self, _shared: &mut Shared, _partition: PartitionId, _offset: Offset) {}
}

/// What an output record is like that is made from an input record.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Output {
    /// Its bytes, as many as the input's if `None`.
    pub size: Option<u32>,
    /// What its content is like, as the input's if `None`.
    pub payload: Option<Payload>,
}

impl Output {
    /// Bytes and content of the output made of an input.
    #[must_use]
    pub fn of(self, input: &Record) -> (u32, Payload) {
        (self.size.unwrap_or(input.size), self.payload.unwrap_or(input.payload))
    }

    fn push(self, records: &mut RecordTable, lane: Lane, input: RecordId) -> RecordId {
        let input = records.get(input);
        let (size, payload) = self.of(&input);
        let id = records.push(lane, input.entity, size);
        records.set_payload(id, payload);
        id
    }
}

/// One output for each input, of the same entity; an effect each, if it has a store.
#[derive(Clone, Copy, Debug)]
pub struct Transform {
    /// The effect store, if effects are applied.
    pub effects: Option<usize>,
    /// What the outputs are like; none are made without.
    pub output: Option<Output>,
}

impl Service for Transform {
    fn process(&mut self, shared: &mut Shared, slice: Slice<'_>, outputs: &mut Vec<RecordId>) {
        if let Some(index) = self.effects {
            let store = &mut shared.stores.effects[index];
            let (ledger, records) = (store.ledger(), &shared.records);
            shared.recorder.effects_attempted(ledger, slice.records.len() as u64);
            let effects = slice.records.iter().zip(slice.finished).zip(0..);
            let applied = effects.filter_map(|((&id, &at), place)| {
                let entity = records.get(id).entity;
                let taken = store.take_offset(slice.partition, slice.base_offset + place);
                (taken && store.apply(entity, at)).then_some((entity, at.0))
            });
            shared.recorder.effects_applied(ledger, applied);
        }
        if let Some(output) = self.output {
            let lane = Lane::out_of(slice.partition);
            let records = &mut shared.records;
            outputs.extend(slice.records.iter().map(|&id| output.push(records, lane, id)));
        }
    }
}

/// One output when both sides of an entity came within a window.
#[derive(Clone, Copy, Debug)]
pub struct Join {
    /// The window store.
    pub store: usize,
    /// Milliseconds between the two sides, at most.
    pub window_ms: u32,
    /// What the outputs are like.
    pub output: Output,
}

impl Service for Join {
    fn process(&mut self, shared: &mut Shared, slice: Slice<'_>, outputs: &mut Vec<RecordId>) {
        let lane = Lane::out_of(slice.partition);
        let store = &mut shared.stores.joins[self.store];
        let mut store = store.from_partition(slice.partition, slice.input);
        for (i, &id) in slice.records.iter().enumerate() {
            let input = shared.records.get(id);
            let offset = slice.base_offset + i as i64;
            let at_ms = (input.intended.0 / MILLISECOND) as u32;
            if store.arrive(input.entity, offset, at_ms, self.window_ms) {
                outputs.push(self.output.push(&mut shared.records, lane, id));
            }
        }
    }

    fn rewind(&mut self, shared: &mut Shared, partition: PartitionId, offset: Offset) {
        shared.stores.joins[self.store].rewind(partition, offset);
    }

    fn committed(&mut self, shared: &mut Shared, partition: PartitionId, offset: Offset) {
        shared.stores.joins[self.store].committed(partition, offset);
    }
}

/// Reads and keeps nothing.
#[derive(Clone, Copy, Debug)]
pub struct Read;

impl Service for Read {
    fn process(&mut self, _shared: &mut Shared, _slice: Slice<'_>, _outputs: &mut Vec<RecordId>) {}
}

/// User code as a service: a closure for each record.
pub struct PerRecord<F>(pub F);

impl<F> std::fmt::Debug for PerRecord<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PerRecord")
    }
}

impl<F> Service for PerRecord<F>
where
    F: FnMut(&mut Shared, RecordId, Instant) -> Option<RecordId>,
{
    fn process(&mut self, shared: &mut Shared, slice: Slice<'_>, outputs: &mut Vec<RecordId>) {
        for (&id, &at) in slice.records.iter().zip(slice.finished) {
            outputs.extend((self.0)(shared, id, at));
        }
    }
}
