//! What holds after any sequence of events.

use proptest::prelude::*;

use super::*;
use crate::metadata::Image;
use crate::records::{MetadataRecord, MetadataSnapshot};
use crate::types::LeaderEpoch;

#[derive(Clone, Copy, Debug)]
enum Event {
    Kill(u32),
    Leave(u32),
    Come { broker: u32, clean: bool },
    Alter { partition: u32, members: u8 },
    Elect { partition: u32, unclean: bool },
    Pass,
    Restart(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (1..=3_u32).prop_map(Event::Kill),
        3 => (1..=3_u32).prop_map(Event::Leave),
        6 => (1..=3_u32, any::<bool>()).prop_map(|(broker, clean)| Event::Come { broker, clean }),
        8 => (0..4_u32, 1..8_u8).prop_map(|(partition, members)| Event::Alter { partition, members }),
        1 => (0..4_u32, any::<bool>())
            .prop_map(|(partition, unclean)| Event::Elect { partition, unclean }),
        2 => Just(Event::Pass),
        1 => any::<bool>().prop_map(Event::Restart),
    ]
}

fn apply(f: &mut Fixture, event: Event) {
    let active = |f: &Fixture, b| f.controller.image().is_active(NodeId(b));
    match event {
        Event::Kill(b) if active(f, b) => f.kill(b),
        Event::Leave(b) if active(f, b) => {
            f.leave(b);
        }
        Event::Come { broker, clean } if !active(f, broker) => {
            let epoch = f.epoch(NodeId(broker)).0;
            f.come(broker, if clean { epoch } else { -1 });
        }
        Event::Alter { partition, members } => {
            let isr: Vec<u32> = (1..=3).filter(|b| members & (1 << (b - 1)) != 0).collect();
            let wish = f.wish(partition, &isr);
            f.alter(wish);
        }
        Event::Elect { partition, unclean } => {
            let kind = if unclean { ElectionType::Unclean } else { ElectionType::Preferred };
            f.elect(kind, partition);
        }
        Event::Pass => f.pass(SECOND, &[]),
        Event::Restart(kill) => {
            f.restart(if kill { StopKind::Kill } else { StopKind::PowerCut });
        }
        Event::Kill(_) | Event::Leave(_) | Event::Come { .. } => {}
    }
}

fn replayed(records: &[MetadataRecord]) -> Image {
    let mut image = Image::new();
    for (offset, record) in (0..).zip(records) {
        image.apply(offset, record);
    }
    image
}

/// Every state a partition has had, from the log.
fn check_history(records: &[MetadataRecord], elr: bool) {
    let mut states: Vec<Option<PartitionRecord>> = vec![None; 4];
    let mut leaders: Vec<Vec<Option<NodeId>>> = vec![vec![]; 4];
    let mut uncleanly_back = false;
    for record in records {
        uncleanly_back |=
            matches!(record, MetadataRecord::RegisterBroker { epoch, .. } if epoch.0 > 5);
        let MetadataRecord::Partition(new) = record else { continue };
        let id = new.partition.index();
        let old = states[id].replace(new.as_ref().clone());
        if let Some(old) = old {
            assert_eq!(new.partition_epoch, old.partition_epoch.next());
            let step = i32::from(new.leader != old.leader);
            assert_eq!(new.leader_epoch.0, old.leader_epoch.0 + step, "{old:?} {new:?}");
        }
        let epoch = usize::try_from(new.leader_epoch.0).expect("from 0");
        leaders[id].resize(epoch + 1, new.leader);
        assert_eq!(leaders[id][epoch], new.leader, "one leader in an epoch");
        assert!(new.isr.iter().all(|r| new.replicas.contains(r)));
        assert!(new.eligible_leader_replicas.iter().all(|r| !new.isr.contains(r)));
        assert!(new.leader.is_none_or(|l| new.isr.contains(&l)));
        assert!(elr || new.eligible_leader_replicas.is_empty());
        let nobody = new.isr.is_empty() && new.eligible_leader_replicas.is_empty();
        assert!(!nobody || (elr && uncleanly_back), "{new:?}");
        assert!(!nobody || new.last_known_elr.len() == 1, "someone may come back: {new:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn any_history_is_lawful_and_replays(events in prop::collection::vec(event(), 1..40), elr: bool) {
        let mut f = Fixture::new(ControllerConfig {
            eligible_leader_replicas: elr,
            ..ControllerConfig::default()
        });
        for broker in 1..=3 {
            f.come(broker, -1);
        }
        let assignment: &[&[u32]] = &[&[1, 2, 3], &[2, 3, 1], &[3, 1, 2], &[1, 2, 3]];
        f.create("t", assignment, &[("min.insync.replicas", "2")]);
        for event in events {
            apply(&mut f, event);
            for p in f.controller.image().partitions() {
                let lives = |l| f.controller.image().is_active(l);
                prop_assert!(p.leader.is_none_or(lives), "{event:?}: {p:?}");
                prop_assert!(p.isr.iter().all(|r| lives(*r)) || !elr, "{event:?}: {p:?}");
            }
        }
        check_history(f.controller.records(), elr);
        prop_assert_eq!(&replayed(f.controller.records()), f.controller.image());
        let image = f.controller.image();
        let (end, epoch, records) = (image.end(), LeaderEpoch(1), image.to_records());
        let snapshot = MetadataSnapshot { end, epoch, records };
        prop_assert_eq!(&Image::of_snapshot(&snapshot), image);
        // Notes tell the log, in order.
        let told = f.notes.iter().filter(|n| matches!(n, Note::PartitionChanged { .. })).count();
        let written = f.controller.records().iter().filter(|r| matches!(r, MetadataRecord::Partition(_)));
        prop_assert_eq!(told, written.count());
    }
}
