//! Any mixture of crashes, cuts and slow disks is survived, and what was committed stays.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Event {
    Append(usize),
    Pass(u64),
    Kill(usize),
    PowerCut(usize),
    Start(usize),
    Cut(usize, usize),
    Heal,
    Hold(usize),
    Release(usize),
}

fn event(n: usize) -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..n).prop_map(Event::Append),
        4 => (1_u64..3_000).prop_map(Event::Pass),
        1 => (0..n).prop_map(Event::Kill),
        1 => (0..n).prop_map(Event::PowerCut),
        3 => (0..n).prop_map(Event::Start),
        1 => (0..n, 0..n).prop_map(|(a, b)| Event::Cut(a, b)),
        1 => Just(Event::Heal),
        1 => (0..n).prop_map(Event::Hold),
        1 => (0..n).prop_map(Event::Release),
    ]
}

/// What was ever known to be committed, and who voted and led.
#[derive(Default)]
struct Truth {
    committed: Vec<(LeaderEpoch, MetadataRecord)>,
    notes: usize,
    votes: Vec<(NodeId, LeaderEpoch, NodeId)>,
    leaders: Vec<(LeaderEpoch, NodeId)>,
}

impl Truth {
    fn check(&mut self, voters: &Voters) {
        for quorum in &voters.quorums {
            let known = quorum.log.copy(0, quorum.committed());
            let common = known.len().min(self.committed.len());
            assert_eq!(known[..common], self.committed[..common], "one history");
            self.committed.extend_from_slice(&known[common..]);
        }
        for note in &voters.notes[self.notes..] {
            match *note {
                Note::QuorumVoted { node, epoch, candidate } => {
                    let other = self.votes.iter().find(|v| (v.0, v.1) == (node, epoch));
                    assert!(
                        other.is_none_or(|v| v.2 == candidate),
                        "{node} votes twice in {epoch}"
                    );
                    self.votes.push((node, epoch, candidate));
                }
                Note::QuorumLeader { node, epoch, .. } => {
                    assert!(!self.leaders.iter().any(|l| l.0 == epoch), "epoch {epoch}: {node}");
                    self.leaders.push((epoch, node));
                }
                _ => {}
            }
        }
        self.notes = voters.notes.len();
    }
}

fn apply(voters: &mut Voters, event: Event, value: i64) {
    match event {
        Event::Append(i) if voters.up[i] && voters.quorums[i].established().is_some() => {
            voters.append(i, value);
        }
        Event::Pass(ms) => voters.pass(ms * MILLISECOND),
        Event::Kill(i) if voters.up[i] => voters.stop(i, StopKind::Kill),
        Event::PowerCut(i) if voters.up[i] => voters.stop(i, StopKind::PowerCut),
        Event::Start(i) if !voters.up[i] => voters.start(i),
        Event::Cut(a, b) if a != b => voters.cuts.push((a, b)),
        Event::Heal => voters.cuts.clear(),
        Event::Hold(i) if voters.up[i] && voters.held[i].is_none() => {
            voters.held[i] = Some(Vec::new());
        }
        Event::Release(i) => voters.release(i),
        _ => {}
    }
}

fn survives(n: u32, release: Release, events: &[Event]) {
    let mut voters = Voters::with(n, Rules::default(), release);
    let mut truth = Truth::default();
    for (value, event) in (0..).zip(events) {
        apply(&mut voters, *event, value);
        truth.check(&voters);
    }
    voters.cuts.clear();
    for i in 0..n as usize {
        voters.release(i);
        if !voters.up[i] {
            voters.start(i);
        }
    }
    // Voters before 4.0 that lost twenty elections in perfect step would elect for ever: see
    // `elections::in_step_the_largest_backoff_never_ends_a_tie`.
    voters.in_step = false;
    voters.pass(20 * SECOND);
    truth.check(&voters);
    assert!(voters.halted.is_empty());
    let leader = voters.leader().expect("healed voters elect a leader");
    voters.append(leader, 1_000);
    voters.pass(3 * SECOND);
    truth.check(&voters);
    for i in 0..n as usize {
        assert_eq!(voters.committed(i).last(), Some(&1_000), "voter {i} follows");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn three_survive(events in prop::collection::vec(event(3), 1..60)) {
        survives(3, Release::V4_1, &events);
    }

    #[test]
    fn four_survive_under_the_rules_of_4_0(events in prop::collection::vec(event(4), 1..60)) {
        survives(4, Release::V4_0, &events);
    }

    #[test]
    fn five_survive_under_the_rules_of_3_9(events in prop::collection::vec(event(5), 1..60)) {
        survives(5, Release::V3_9, &events);
    }
}
