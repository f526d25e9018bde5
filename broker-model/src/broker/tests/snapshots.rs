//! A broker that is behind the beginning of the metadata log.

use super::cluster::Cluster;
use crate::config::BrokerConfig;
use crate::io::StopKind;
use crate::note::Note;
use crate::protocol::ErrorCode;
use crate::protocol::produce::Acks;
use crate::types::{NodeId, SECOND};

#[test]
fn a_broker_that_was_away_loads_a_snapshot_and_the_records_behind_it() {
    let mut config = BrokerConfig::default();
    for (key, value) in [
        ("metadata.log.max.record.bytes.between.snapshots", "1000"),
        ("metadata.max.retention.bytes", "1"),
    ] {
        config.set(key, value).expect("valid");
    }
    let mut c = Cluster::new(3, &config);
    let p = c.topic("t", &[1, 2, 3], &[("min.insync.replicas", "2")]);
    c.produce(1, p, 2, Acks::All);
    c.stop(NodeId(3), StopKind::Kill);
    let behind = c.broker(3).metadata_offset();
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        c.topic(name, &[1, 2], &[]);
        c.advance(SECOND);
    }
    let new = c.topic("u", &[1, 3], &[]);
    c.advance(120 * SECOND);
    assert!(c.controller.quorum().log_start() > behind, "what it wants is gone");
    c.start(NodeId(3));
    c.until("it is back", |c| c.isr(p).len() == 3 && c.isr(new).len() == 2);
    let loaded = |n: &Note| matches!(n, Note::MetadataSnapshotLoaded { node: NodeId(3), .. });
    assert!(c.notes.iter().any(loaded));
    c.advance(SECOND);
    assert_eq!(c.broker(3).image(), c.broker(1).image());
    assert_eq!(c.produce(1, p, 1, Acks::All).error, ErrorCode::None);
    assert_eq!(c.replica(3, p).log().log_end_offset().0, 3);
}
