//! Consumer groups and their offsets.

use reports::checker::Anomaly;

use crate::zoo::{Entry, Kind, Today, Universe};

pub(super) const ENTRIES: &[Entry] = &[Entry {
    id: "kafka16147-848-double-owner",
    title: "A partition of the new group protocol is given to two members",
    source: "KAFKA-16147",
    kind: Kind::ReEnacted,
    universe: Universe::Membership,
    set: &[("protocol.partition_epoch_bookkeeping", "list_by_list")],
    seen: &[Anomaly::OneOwner, Anomaly::CommitByOwner, Anomaly::CoordinatorKnowsItsLog],
    today: Today::Mended("what a member had is taken out before what it has is put in"),
}];
