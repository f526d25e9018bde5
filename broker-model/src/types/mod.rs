//! Strong types: ids, epochs, offsets and the two clocks. No logic beyond arithmetic.

mod ids;
mod offset;
mod release;
mod time;

pub use ids::{
    BatchId, BrokerEpoch, CoordinatorEpoch, DirectoryId, GenerationId, GroupEpoch, GroupId,
    LeaderEpoch, MemberId, NodeId, PartitionEpoch, PartitionId, ProducerEpoch, ProducerId, RackId,
    RecordId, TextId, TopicId, TopicName, TransactionalId,
};
pub use offset::Offset;
pub use release::Release;
pub use time::{Duration, Instant, MICROSECOND, MILLISECOND, Now, SECOND, Timestamp};
