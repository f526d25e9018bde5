//! What a consumer tells a transactional producer about its membership.

use broker_model::types::{GenerationId, GroupId, MemberId};

/// Who a member of a group is (`ConsumerGroupMetadata`, KIP-447), so that the coordinator can
/// refuse the offsets of a member that was expelled or replaced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupMetadata {
    /// The group.
    pub group: GroupId,
    /// The member, `MemberId(0)` before it joined.
    pub member: MemberId,
    /// `group.instance.id` of a static member.
    pub instance: Option<String>,
    /// The generation, or the epoch of a member of the new protocol; -1 before it joined.
    pub generation: GenerationId,
}
