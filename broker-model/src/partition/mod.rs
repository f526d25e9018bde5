//! One replica of a partition: its log, its role, and the rules that say how far the
//! partition is replicated. The rules are plain functions with naive twins in their tests.

mod alter;
mod follower;
mod high_watermark;
mod historic;
mod isr;
mod last_stable_offset;
mod leader;
mod replica;

pub use alter::{AlterOutcome, Pending};
pub use follower::Cut;
pub use high_watermark::{HoldsBack, high_watermark};
pub use isr::{effective_min_isr, is_caught_up, may_join};
pub use last_stable_offset::last_stable_offset;
pub use leader::{FollowerFetch, Leader, RemoteReplica};
pub use replica::{Replica, Role};

#[cfg(test)]
mod tests;
