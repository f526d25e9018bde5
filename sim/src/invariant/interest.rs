//! Which notes an invariant wants to see.

use broker_model::note::Note;
use broker_model::records::Content;

use super::View;

/// The kinds of note that invariants ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interest {
    /// [`Note::Appended`].
    Appended,
    /// [`Note::HighWatermark`].
    HighWatermark,
    /// [`Note::Truncated`].
    Truncated,
    /// [`Note::BecameLeader`] and [`Note::BecameFollower`].
    Role,
    /// [`Note::PartitionChanged`].
    PartitionChanged,
    /// [`Note::QuorumVoted`].
    QuorumVoted,
    /// [`Note::QuorumLeader`].
    QuorumLeader,
    /// [`Note::QuorumHighWatermark`].
    QuorumHighWatermark,
    /// [`Note::BrokerRegistered`].
    BrokerRegistered,
    /// [`Note::MetadataApplied`].
    MetadataApplied,
    /// [`Note::BrokerFenced`] and [`Note::BrokerUnfenced`].
    Fence,
    /// [`Note::Compacted`].
    Compacted,
    /// [`Note::LogStart`].
    LogStart,
    /// [`Note::Read`].
    Read,
    /// [`Note::Repeated`].
    Repeated,
    /// [`Note::ProducerIds`].
    ProducerIds,
    /// [`Note::TransactionState`].
    TransactionState,
    /// [`Note::CoordinatorLoaded`].
    CoordinatorLoaded,
    /// [`Note::CommitAccepted`].
    CommitAccepted,
    /// [`Note::MemberFenced`].
    MemberFenced,
    /// [`Note::Appended`] by a leader: records or offsets of a transaction, a marker, or records of
    /// a transaction coordinator.
    Transactional,
    /// [`Note::Appended`] by a leader: records of a group coordinator.
    GroupLog,
}

impl Interest {
    /// What a note is.
    pub(super) const fn of(note: &Note) -> Option<Self> {
        match note {
            Note::Appended { .. } => Some(Self::Appended),
            Note::HighWatermark { .. } => Some(Self::HighWatermark),
            Note::Truncated { .. } => Some(Self::Truncated),
            Note::BecameLeader { .. } | Note::BecameFollower { .. } => Some(Self::Role),
            Note::PartitionChanged { .. } => Some(Self::PartitionChanged),
            Note::QuorumVoted { .. } => Some(Self::QuorumVoted),
            Note::QuorumLeader { .. } => Some(Self::QuorumLeader),
            Note::QuorumHighWatermark { .. } => Some(Self::QuorumHighWatermark),
            Note::BrokerRegistered { .. } => Some(Self::BrokerRegistered),
            Note::MetadataApplied { .. } => Some(Self::MetadataApplied),
            Note::BrokerFenced { .. } | Note::BrokerUnfenced { .. } => Some(Self::Fence),
            Note::Compacted { .. } => Some(Self::Compacted),
            Note::LogStart { .. } => Some(Self::LogStart),
            Note::Read { .. } => Some(Self::Read),
            Note::Repeated { .. } => Some(Self::Repeated),
            Note::ProducerIds { .. } => Some(Self::ProducerIds),
            Note::TransactionState { .. } => Some(Self::TransactionState),
            Note::CoordinatorLoaded { .. } => Some(Self::CoordinatorLoaded),
            Note::CommitAccepted { .. } => Some(Self::CommitAccepted),
            Note::MemberFenced { .. } => Some(Self::MemberFenced),
            _ => None,
        }
    }

    /// What else an append by a leader is, by its content.
    pub(super) fn within(view: &View<'_>, note: &Note) -> [Option<Self>; 2] {
        let Note::Appended { entry, leader: true, .. } = note else { return [None; 2] };
        let body = view.batches.get(entry.batch);
        let coordinates = matches!(body.content, Content::Transaction { .. });
        let of_groups = matches!(body.content, Content::Group { .. });
        let transactional = (body.transactional || coordinates).then_some(Self::Transactional);
        [transactional, of_groups.then_some(Self::GroupLog)]
    }
}
