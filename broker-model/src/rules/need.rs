//! What a rule needs to make a difference: beside its definition, so that a run in which it can
//! make none says so.

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
