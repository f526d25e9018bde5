//! What clients saw, folded as it happens.
//!
//! Nothing keeps records: a record is a bit field, a send ordinal and a batch number, nine
//! bytes by dense record id.

mod audit;
mod away;
mod business;
mod call;
mod compacted;
mod digest;
mod ids;
mod phase;
mod reader;
mod record_state;
mod recorder;
mod recording;
mod send;
mod tape;
mod told;
mod topology;
mod transaction;

pub use audit::Facts;
pub use compacted::Removals;
pub use digest::Digest;
pub use ids::{CallKind, LedgerId, TableId};
pub use phase::{PHASES, Phase, PhaseSpan, Phases};
pub use reader::{Isolation, Poll};
pub use record_state::{Batch, RecordState, Records};
pub use recorder::{Recorder, Totals};
pub use recording::Recording;
pub use send::{Acknowledged, Ids, Sent, Unsent};
pub use topology::{Consumer, Group, Instance, Partition, Session, Topic, Topology};
pub use transaction::{Outcome, Transaction, Transactions};
