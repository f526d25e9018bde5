//! A controller that starts again with a snapshot and the records behind it.

use super::*;

#[test]
fn a_restarted_controller_loads_its_snapshot_and_the_tail() {
    let mut config = ControllerConfig { snapshot_bytes: 500, ..ControllerConfig::default() };
    config.quorum.retention_bytes = 0;
    let mut f = Fixture::new(config);
    for broker in 1..=3 {
        f.come(broker, -1);
    }
    for name in ["t", "u", "v"] {
        f.create(name, &[&[1, 2, 3]], &[]);
    }
    for _ in 0..70 {
        f.pass(SECOND, &[]);
    }
    let (end, image) = (f.controller.committed_end(), f.controller.image().clone());
    let start = f.controller.quorum().log_start();
    assert!(start > 0, "the head of the log is gone");
    f.restart(StopKind::PowerCut);
    assert_eq!(f.controller.quorum().log_start(), start);
    assert_eq!(f.controller.committed_end(), end);
    assert_eq!(f.controller.image(), &image);
    let loaded = |n: &Note| matches!(n, Note::MetadataSnapshotLoaded { .. });
    assert!(f.notes.iter().any(loaded));
    f.create("w", &[&[1, 2, 3]], &[]);
    assert_eq!(f.partition(3).leader, Some(NodeId(1)));
}
