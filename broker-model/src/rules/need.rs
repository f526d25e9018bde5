//! What a rule needs to make a difference: beside its definition, so that a run in which it can
//! make none says so.

/// Who follows as today: the answer to a fetch says where the logs part.
pub(super) const ON_FETCH: &[(&str, &str)] = &[("truncate", "on_fetch")];
/// Who asks for the end of an epoch: followers of old, and consumers.
pub(super) const ASKS_FOR_EPOCHS: &[(&str, &str)] =
    &[("truncate", "epoch_279"), ("truncate", "epoch_101"), ("consumer_epoch_validation", "on")];

/// A condition of a run without which a rule never acts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// The release gives new clusters eligible leader replicas (KIP-966).
    ReleaseWithElr,
    /// There are eligible leader replicas.
    Elr,
    /// The release knows pre-votes (KIP-996).
    ReleaseWithPreVote,
    /// More than one controller.
    SeveralControllers,
    /// More than one broker.
    SeveralBrokers,
    /// Some topic whose `min.insync.replicas` is above 1.
    MinIsr,
    /// Somebody writes in transactions.
    Transactions,
    /// There are consumer groups.
    Groups,
    /// Something throttles replication.
    ReplicationThrottles,
    /// Nobody sets this key for the brokers.
    Unset(&'static str),
    /// One of these rules has the value that stands beside it: another value shadows this rule.
    OneOf(&'static [(&'static str, &'static str)]),
}
