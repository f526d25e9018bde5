//! The run's table of records: what each `RecordId` stands for, once.

use broker_model::records::RecordSource;
use broker_model::types::{Instant, RecordId, Timestamp};

/// Facts of one record. 24 bytes; the record itself is never copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// When the load (or, for a derived record, the load behind it) intended it.
    pub intended: Instant,
    /// A number for its key: order id, customer, device. Equal numbers are equal keys.
    pub key: u32,
    /// The business entity it belongs to (an order), stable through the whole pipeline.
    pub entity: u32,
    /// Key and value bytes together, uncompressed.
    pub size: u32,
}

/// All records of a run by id.
#[derive(Clone, Debug, Default)]
pub struct RecordTable {
    records: Vec<Record>,
    wall_offset: i64,
}

impl RecordTable {
    /// An empty table. `epoch` is the wall clock at the start of the run.
    #[must_use]
    pub const fn new(epoch: Timestamp) -> Self {
        Self { records: Vec::new(), wall_offset: epoch.0 }
    }

    /// Adds a record.
    pub fn push(&mut self, record: Record) -> RecordId {
        let id = u32::try_from(self.records.len()).expect("a run has fewer than 2^32 records");
        self.records.push(record);
        RecordId(id)
    }

    /// The facts of a record.
    #[must_use]
    pub fn get(&self, id: RecordId) -> &Record {
        &self.records[id.index()]
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

impl RecordSource for RecordTable {
    fn timestamp(&self, record: RecordId) -> Timestamp {
        let ms = self.get(record).intended.0 / broker_model::types::MILLISECOND;
        Timestamp(self.wall_offset + i64::try_from(ms).expect("simulated time fits in i64 ms"))
    }

    fn key(&self, record: RecordId) -> Option<u64> {
        Some(u64::from(self.get(record).key))
    }

    fn is_tombstone(&self, _record: RecordId) -> bool {
        false
    }
}
