//! How long a controller stays what it is, and what it becomes then.

use super::*;
use crate::protocol::quorum::{EndQuorumEpochRequest, VoteRequest};
use crate::quorum::role::Role;

impl Voters {
    /// A request that nobody waits for.
    fn tell(&mut self, i: usize, request: Request) {
        self.tokens += 1;
        let token = Token(self.tokens);
        self.run(i, &mut |q, cx| q.request(cx, token, request.clone()));
    }

    /// How long until a voter acts by itself.
    fn wait(&self, i: usize) -> Duration {
        self.quorums[i].role.until().since(self.now)
    }

    /// An empty log asks for votes in a later epoch, in vain.
    fn later_epoch(&mut self, i: usize) {
        let (voter, candidate) = (self.quorums[i].key, self.quorums[(i + 1) % 3].key);
        let epoch = self.quorums[i].epoch().next();
        let last_epoch = LeaderEpoch(0);
        let request = VoteRequest { candidate, voter, epoch, last_epoch, end: 0, pre_vote: false };
        self.tell(i, Request::Vote(request));
        assert_eq!(self.quorums[i].epoch(), epoch);
        assert!(matches!(self.quorums[i].role, Role::Unattached { .. }), "no vote for it");
    }
}

/// Three voters, of which two are down; the third asks for votes.
fn candidate() -> Voters {
    let mut voters = Voters::with(3, Rules::default(), Release::V3_9);
    voters.stop(1, StopKind::Kill);
    voters.stop(2, StopKind::Kill);
    while !matches!(voters.quorums[0].role, Role::Candidate { .. }) {
        voters.pass(10 * MILLISECOND);
    }
    voters
}

/// A leader that is asked to stop and cannot make itself heard.
fn leaving(voters: &mut Voters) -> usize {
    let old = voters.elect();
    voters.append(old, 1);
    voters.pass(SECOND);
    voters.isolate(old);
    let mut at_once = true;
    voters.run(old, &mut |q, cx| at_once = q.leave(cx));
    assert!(!at_once);
    old
}

#[test]
fn who_is_to_stop_seeks_no_election() {
    let mut voters = Voters::new(3);
    let old = leaving(&mut voters);
    let epoch = voters.epoch(old);
    for other in others(3, old) {
        voters.stop(other, StopKind::Kill);
    }
    voters.pass(4_900 * MILLISECOND);
    assert!(!voters.quorums[old].has_left(voters.now));
    assert!(matches!(voters.quorums[old].role, Role::Resigned { .. }));
    voters.later_epoch(old);
    voters.pass(100 * MILLISECOND);
    assert_eq!(voters.epoch(old), epoch + 1);
    assert!(voters.quorums[old].has_left(voters.now), "five seconds are over");
}

#[test]
fn a_voter_that_knows_no_leader_waits_for_one_before_it_stops() {
    let mut voters = candidate();
    let mut at_once = true;
    voters.run(0, &mut |q, cx| at_once = q.leave(cx));
    assert!(!at_once);
    voters.start(1);
    voters.pass(100 * MILLISECOND);
    assert!(!voters.quorums[0].is_leader(), "it may be elected, and resigns");
    while !voters.quorums[0].has_left(voters.now) {
        voters.pass(10 * MILLISECOND);
    }
}

#[test]
fn a_successor_waits_by_its_place_in_the_list() {
    let mut voters = Voters::new(3);
    let leader = voters.elect();
    let follower = others(3, leader)[0];
    let (me, node) = (voters.quorums[follower].key.node, voters.quorums[leader].key.node);
    let list = |place: u32, of: u32| -> Vec<NodeId> {
        (0..of).map(|i| if i == place { me } else { NodeId(100 + i) }).collect()
    };
    let epoch = voters.quorums[leader].epoch();
    for (place, of, wait) in
        [(0, 2, 0), (1, 2, 500), (2, 3, 500), (1, 4, 125), (3, 4, 500), (2, 5, 124), (9, 2, 1_000)]
    {
        let request = EndQuorumEpochRequest { leader: node, epoch, successors: list(place, of) };
        voters.tell(follower, Request::EndQuorumEpoch(request));
        assert_eq!(voters.wait(follower), wait * MILLISECOND, "place {place} of {of}");
    }
}

#[test]
fn the_end_of_an_epoch_that_it_had_not_heard_of_makes_a_successor_wait_too() {
    let mut voters = Voters::new(3);
    let leader = voters.elect();
    let (follower, other) = (others(3, leader)[0], others(3, leader)[1]);
    let epoch = voters.quorums[leader].epoch().next();
    let (me, node) = (voters.quorums[follower].key.node, voters.quorums[other].key.node);
    let successors = vec![NodeId(100), me];
    let request = EndQuorumEpochRequest { leader: node, epoch, successors };
    voters.tell(follower, Request::EndQuorumEpoch(request));
    let follows = |role: &Role| matches!(role, Role::Follower { leader, .. } if *leader == other);
    assert!(follows(&voters.quorums[follower].role));
    assert_eq!(voters.wait(follower), 500 * MILLISECOND);
}

#[test]
fn only_answers_of_the_leader_keep_a_follower() {
    let mut voters = Voters::new(3);
    let leader = voters.elect();
    voters.pass(SECOND);
    voters.no_fetches = true;
    let until = voters.now + 2_600 * MILLISECOND;
    let follows =
        |voters: &Voters, i: usize| matches!(voters.quorums[i].role, Role::Follower { .. });
    while others(3, leader).into_iter().all(|i| follows(&voters, i)) {
        voters.pass(10 * MILLISECOND);
        assert!(voters.now < until, "what the leader tells does not keep it waiting");
    }
}

#[test]
fn all_voters_are_told_every_half_fetch_timeout_who_leads() {
    let mut voters = Voters::new(3);
    let leader = voters.elect();
    let from = voters.told.clone();
    voters.pass(10 * SECOND);
    for i in others(3, leader) {
        assert!((9..=10).contains(&(voters.told[i] - from[i])), "{:?}", voters.told);
    }
    let deaf = others(3, leader)[0];
    voters.cut(leader, deaf);
    voters.pass(1_500 * MILLISECOND);
    voters.cuts.clear();
    let from = voters.told[deaf];
    voters.pass(400 * MILLISECOND);
    assert_eq!(voters.told[deaf], from, "what was lost waits for the next time");
}

#[test]
fn who_resigned_waits_for_others_in_the_next_epoch() {
    let mut voters = Voters::new(3);
    let old = voters.elect();
    let epoch = voters.epoch(old);
    voters.isolate(old);
    while voters.quorums[old].is_leader() {
        voters.pass(10 * MILLISECOND);
    }
    assert_eq!(voters.epoch(old), epoch);
    voters.pass(15 * SECOND);
    assert_eq!(voters.epoch(old), epoch + 1, "and not in later ones");
}

#[test]
fn a_later_epoch_finds_a_follower_with_a_new_election_and_who_resigned_with_the_old() {
    let mut voters = Voters::new(3);
    let leader = voters.elect();
    let follower = others(3, leader)[0];
    voters.pass(SECOND);
    voters.no_fetches = true;
    voters.pass(1_900 * MILLISECOND);
    assert!(voters.wait(follower) < 600 * MILLISECOND);
    voters.later_epoch(follower);
    assert!(voters.wait(follower) >= SECOND, "a whole election");

    let mut voters = Voters::new(3);
    let leader = voters.elect();
    voters.isolate(leader);
    while voters.quorums[leader].is_leader() {
        voters.pass(10 * MILLISECOND);
    }
    voters.pass(900 * MILLISECOND);
    let left = voters.wait(leader);
    voters.later_epoch(leader);
    assert_eq!(voters.wait(leader), left, "what was left of its time");
}

#[test]
fn a_voter_that_hears_nobody_asks_on_without_a_pause() {
    let mut voters = Voters::new(3);
    voters.stop(1, StopKind::Kill);
    voters.stop(2, StopKind::Kill);
    voters.pass(2 * SECOND);
    for _ in 0..100 {
        assert!(matches!(voters.quorums[0].role, Role::Prospective { .. }));
        voters.pass(100 * MILLISECOND);
    }
}

#[test]
fn who_voted_for_itself_asks_for_votes_again_when_it_starts_again() {
    let mut voters = candidate();
    let epoch = voters.epoch(0);
    voters.stop(0, StopKind::PowerCut);
    voters.start(0);
    assert!(matches!(voters.quorums[0].role, Role::Candidate { .. }));
    voters.start(1);
    voters.pass(100 * MILLISECOND);
    assert_eq!(voters.leaders(), [0], "elected in the epoch of its vote");
    assert_eq!(voters.epoch(0), epoch);
}

#[test]
fn a_leader_that_lost_its_election_with_the_power_was_none() {
    let mut voters = candidate();
    voters.held[0] = Some(Vec::new());
    let leads = |n: &&Note| matches!(n, Note::QuorumLeader { node: NodeId(1), .. });
    voters.start(1);
    voters.pass(100 * MILLISECOND);
    assert!(voters.quorums[0].is_leader());
    assert_eq!(voters.notes.iter().filter(leads).count(), 0, "not on disk");
    let epoch = voters.epoch(0);
    voters.stop(0, StopKind::PowerCut);
    voters.start(0);
    voters.elect();
    let of = |n: &&Note| matches!(n, Note::QuorumLeader { epoch: e, .. } if e.0 == epoch);
    assert!(voters.notes.iter().filter(of).count() <= 1);
}
