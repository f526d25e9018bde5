//! The run's table of records: what each `RecordId` stands for, once.
//!
//! A record costs 8 bytes and the entity behind it 16, however often it is copied, retried or
//! replicated: records derived from one order share the order's key and intended time.
//!
//! Ids are given out in blocks, one block at a time for each [`Lane`]. Records that will lie side
//! by side in one log so have neighboring ids, and every table by record or entity is walked in
//! order instead of at random: the caches of a machine are small beside a run.

use std::collections::BTreeMap;

use broker_model::records::{Payload, RecordSource};
use broker_model::types::{Instant, MILLISECOND, PartitionId, RecordId, Timestamp};

use crate::client::murmur2::{KeyText, key_bytes, murmur2};

/// The key number of records without a key.
pub const NO_KEY: u32 = u32::MAX;

/// Facts of one record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// When the load intended the entity behind it.
    pub intended: Instant,
    /// A number for its key (order, customer, device): equal numbers are equal keys.
    /// [`NO_KEY`] is a null key.
    pub key: u32,
    /// The business entity it belongs to (an order), stable through the whole pipeline.
    pub entity: u32,
    /// `murmur2` of the serialized key, which decides the partition; 0 without a key.
    pub key_hash: i32,
    /// Key and value bytes together, uncompressed.
    pub size: u32,
    /// Its value is null.
    pub tombstone: bool,
    /// What its content is like.
    pub payload: Payload,
}

/// Marks the size of a record without a value; no record is that large.
const TOMBSTONE: u32 = 1 << 31;

/// A key with the hash that decides its partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    number: u32,
    hash: i32,
}

impl Key {
    /// The key of a number; [`NO_KEY`] is a null key.
    #[must_use]
    pub fn new(number: u32) -> Self {
        let hash = if number == NO_KEY { 0 } else { murmur2(KeyText::new(number).as_bytes()) };
        Self { number, hash }
    }

    /// `murmur2` of the serialized key, `None` for a null key.
    #[must_use]
    pub const fn hash(self) -> Option<i32> {
        if self.number == NO_KEY { None } else { Some(self.hash) }
    }
}

/// Which records and entities get neighboring ids. A hint: any lane is right.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Lane(u32);

impl Lane {
    /// For runs of some records only.
    pub const ANY: Self = Self(0);

    /// For what a load makes for a partition.
    #[must_use]
    pub const fn into(partition: PartitionId) -> Self {
        Self(1 + 2 * partition.0)
    }

    /// For what a service makes of a partition.
    #[must_use]
    pub const fn out_of(partition: PartitionId) -> Self {
        Self(2 + 2 * partition.0)
    }
}

/// Ids given out at once: two cache lines of the smallest table.
const BLOCK: u32 = 32;

/// The ids that each lane still has.
#[derive(Clone, Debug, Default)]
struct Lanes(Vec<(u32, u32)>);

impl Lanes {
    /// The next id of a lane; `None` when it needs a new block.
    fn take(&mut self, lane: Lane) -> Option<u32> {
        let (next, end) = self.0.get_mut(lane.0 as usize)?;
        let id = *next;
        (id < *end).then(|| {
            *next += 1;
            id
        })
    }

    /// Gives a lane the ids from `first`; the first of them is taken.
    fn refill(&mut self, lane: Lane, first: u32) {
        let index = lane.0 as usize;
        if index >= self.0.len() {
            self.0.resize(index + 1, (0, 0));
        }
        self.0[index] = (first + 1, first + BLOCK);
    }
}

#[derive(Clone, Copy, Default, Debug)]
struct Entity {
    intended: Instant,
    key: u32,
    /// Once an entity instead of once a record: a pipeline sends each order several times.
    key_hash: i32,
}

/// All records of a run by id.
#[derive(Clone, Debug, Default)]
pub struct RecordTable {
    records: Vec<(u32, u32)>,
    entities: Vec<Entity>,
    /// What is said of the content of records, by id; empty while nothing is said of any.
    payloads: Vec<Payload>,
    /// Records that are not to be processed before a time, which they tell in a header.
    not_before: BTreeMap<RecordId, Instant>,
    record_lanes: Lanes,
    entity_lanes: Lanes,
    wall_epoch: i64,
}

impl RecordTable {
    /// An empty table. `epoch` is the wall clock at the start of the run.
    #[must_use]
    pub fn new(epoch: Timestamp) -> Self {
        Self { wall_epoch: epoch.0, ..Self::default() }
    }

    /// Adds a business entity with the time its load intended it; returns its number.
    pub fn push_entity(&mut self, lane: Lane, intended: Instant, key: Key) -> u32 {
        let entity = self.entity_lanes.take(lane).unwrap_or_else(|| {
            let first = block(&mut self.entities);
            self.entity_lanes.refill(lane, first);
            first
        });
        let Key { number, hash } = key;
        self.entities[entity as usize] = Entity { intended, key: number, key_hash: hash };
        entity
    }

    /// Adds a record of an entity. `size` is key and value bytes together.
    pub fn push(&mut self, lane: Lane, entity: u32, size: u32) -> RecordId {
        assert!((entity as usize) < self.entities.len(), "records belong to known entities");
        let id = self.record_lanes.take(lane).unwrap_or_else(|| {
            let first = block(&mut self.records);
            self.record_lanes.refill(lane, first);
            first
        });
        self.records[id as usize] = (entity, size);
        RecordId(id)
    }

    /// Adds a record of an entity without a value, which deletes its key from a compacted topic.
    pub fn push_tombstone(&mut self, lane: Lane, entity: u32) -> RecordId {
        let id = self.push(lane, entity, key_bytes(self.entities[entity as usize].key));
        self.records[id.index()].1 |= TOMBSTONE;
        id
    }

    /// Says what the content of a record is like.
    pub fn set_payload(&mut self, id: RecordId, payload: Payload) {
        if payload == Payload::Unknown {
            return;
        }
        if self.payloads.len() <= id.index() {
            self.payloads.resize(self.records.len(), Payload::Unknown);
        }
        self.payloads[id.index()] = payload;
    }

    /// Says in a header before when a record is not to be processed.
    pub fn set_not_before(&mut self, id: RecordId, at: Instant) {
        self.not_before.insert(id, at);
    }

    /// Before when a record is not to be processed, the beginning of the run if it does not say.
    #[must_use]
    pub fn not_before(&self, id: RecordId) -> Instant {
        self.not_before.get(&id).copied().unwrap_or_default()
    }

    /// Whether something is said of the content of any record.
    #[must_use]
    #[inline]
    pub const fn any_payload(&self) -> bool {
        !self.payloads.is_empty()
    }

    /// How many ids its lanes have been given, used or not.
    pub(crate) fn ids(&self) -> u64 {
        self.records.len() as u64
    }

    /// Every record that was added. Places that no lane has used yet are left out.
    #[cfg(test)]
    pub(crate) fn made(&self) -> impl Iterator<Item = Record> + '_ {
        let used = |id: &u32| self.records[*id as usize].1 > 0;
        (0..self.records.len() as u32).filter(used).map(|id| self.get(RecordId(id)))
    }

    /// When the load intended the entity behind a record.
    #[must_use]
    #[inline]
    pub fn intended(&self, id: RecordId) -> Instant {
        self.entities[self.records[id.index()].0 as usize].intended
    }

    /// The facts of a record.
    #[must_use]
    pub fn get(&self, id: RecordId) -> Record {
        let (entity, size) = self.records[id.index()];
        let Entity { intended, key, key_hash } = self.entities[entity as usize];
        let (tombstone, size) = (size & TOMBSTONE != 0, size & !TOMBSTONE);
        let payload = self.payload(id);
        Record { intended, key, entity, key_hash, size, tombstone, payload }
    }
}

/// Grows a table by a block; gives the first of its places.
fn block<T: Clone + Default>(table: &mut Vec<T>) -> u32 {
    let first = u32::try_from(table.len()).expect("a run has fewer than 2^32 records");
    table.resize(table.len() + BLOCK as usize, T::default());
    first
}

impl RecordSource for RecordTable {
    fn timestamp(&self, record: RecordId) -> Timestamp {
        let ms = self.get(record).intended.0 / MILLISECOND;
        Timestamp(self.wall_epoch + i64::try_from(ms).expect("simulated time fits in i64 ms"))
    }

    fn key(&self, record: RecordId) -> Option<u64> {
        let key = self.get(record).key;
        (key != NO_KEY).then(|| u64::from(key))
    }

    fn is_tombstone(&self, record: RecordId) -> bool {
        self.records[record.index()].1 & TOMBSTONE != 0
    }

    #[inline]
    fn payload(&self, record: RecordId) -> Payload {
        self.payloads.get(record.index()).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::{Instant, PartitionId, Timestamp};

    use super::{Key, Lane, RecordTable};

    #[test]
    fn lanes_are_neighbors_and_every_fact_stays() {
        let mut table = RecordTable::new(Timestamp(0));
        let lanes = [Lane::ANY, Lane::into(PartitionId(3)), Lane::out_of(PartitionId(3))];
        let mut made = Vec::new();
        for n in 0..300_u32 {
            let lane = lanes[n as usize % 3];
            let entity = table.push_entity(lane, Instant(u64::from(n)), Key::new(n));
            made.push((table.push(lane, entity, n + 7), entity));
        }
        for (n, &(id, entity)) in (0_u32..).zip(&made) {
            let record = table.get(id);
            assert_eq!((record.entity, record.key, record.size), (entity, n, n + 7));
            assert_eq!(record.intended, Instant(u64::from(n)));
        }
        let id = table.push_tombstone(Lane::ANY, made[7].1);
        assert_eq!((table.get(id).tombstone, table.get(id).size), (true, 1));
        let steps = made.windows(4).filter(|w| w[3].0.0 == w[0].0.0 + 1).count();
        assert!(steps > 280, "{steps} of 297 follow their neighbor in the lane");
    }
}
