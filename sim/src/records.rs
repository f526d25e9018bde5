//! The run's table of records: what each `RecordId` stands for, once.
//!
//! A record costs 8 bytes and the entity behind it 16, however often it is copied, retried or
//! replicated: records derived from one order share the order's key and intended time.

use broker_model::records::RecordSource;
use broker_model::types::{Instant, MILLISECOND, RecordId, Timestamp};

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
    /// Key and value bytes together, uncompressed.
    pub size: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entity {
    intended: Instant,
    key: u32,
}

/// All records of a run by id.
#[derive(Clone, Debug, Default)]
pub struct RecordTable {
    records: Vec<(u32, u32)>,
    entities: Vec<Entity>,
    wall_epoch: i64,
}

impl RecordTable {
    /// An empty table. `epoch` is the wall clock at the start of the run.
    #[must_use]
    pub const fn new(epoch: Timestamp) -> Self {
        Self { records: Vec::new(), entities: Vec::new(), wall_epoch: epoch.0 }
    }

    /// Adds a business entity with the time its load intended it; returns its number.
    pub fn push_entity(&mut self, intended: Instant, key: u32) -> u32 {
        let entity = u32::try_from(self.entities.len()).expect("a run has fewer than 2^32 orders");
        self.entities.push(Entity { intended, key });
        entity
    }

    /// Adds a record of an entity. `size` is key and value bytes together.
    pub fn push(&mut self, entity: u32, size: u32) -> RecordId {
        assert!((entity as usize) < self.entities.len(), "records belong to known entities");
        let id = u32::try_from(self.records.len()).expect("a run has fewer than 2^32 records");
        self.records.push((entity, size));
        RecordId(id)
    }

    /// The facts of a record.
    #[must_use]
    pub fn get(&self, id: RecordId) -> Record {
        let (entity, size) = self.records[id.index()];
        let Entity { intended, key } = self.entities[entity as usize];
        Record { intended, key, entity, size }
    }

    /// How many records there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many entities there are.
    #[must_use]
    pub const fn entities(&self) -> usize {
        self.entities.len()
    }
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

    fn is_tombstone(&self, _record: RecordId) -> bool {
        false
    }
}
