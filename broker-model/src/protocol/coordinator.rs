//! `FindCoordinator`.

use super::ErrorCode;
use crate::types::{GroupId, NodeId, TransactionalId};

/// What a coordinator is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CoordinatorKey {
    /// A consumer group.
    Group(GroupId),
    /// A transactional id.
    Transaction(TransactionalId),
}

/// `FindCoordinator` of one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FindCoordinatorRequest {
    /// Whose coordinator.
    pub key: CoordinatorKey,
}

/// Answer to `FindCoordinator`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FindCoordinatorResponse {
    /// `COORDINATOR_NOT_AVAILABLE` or none.
    pub error: ErrorCode,
    /// The broker, if there is one.
    pub node: Option<NodeId>,
}
