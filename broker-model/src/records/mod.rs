//! Record batches as ids into one arena of the run, and the records that Kafka writes for
//! itself: coordinator records, markers, metadata.

mod batch;
mod cleaned;
mod compression;
mod consumer_record;
mod coordinator_record;
mod header;
mod metadata_record;
mod spoiled;

pub use batch::{
    BATCH_OVERHEAD_BYTES, Batch, Batches, Content, LogEntry, MARKER_BATCH_BYTES, NewBatch,
    NoRecords, RecordSource,
};
pub use cleaned::Cleaned;
pub use compression::{Codec, Compression, Packing, Payload};
pub use consumer_record::{
    ClassicMemberRecord, ConsumerAssignmentRecord, ConsumerMemberRecord, PatternRecord,
    Reconciliation,
};
pub use coordinator_record::{
    GroupMemberRecord, GroupRecord, OffsetRecord, TransactionRecord, TransactionState,
};
pub use header::SentHeader;
pub use metadata_record::{
    ClientQuota, MetadataRecord, MetadataSnapshot, PartitionRecord, directories_of,
};
