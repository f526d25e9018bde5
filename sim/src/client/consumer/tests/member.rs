//! A member of a group of the new protocol: joining, reconciling, leaving.

use broker_model::protocol::consumer_group::ConsumerGroupHeartbeatResponse;
use broker_model::protocol::group::OffsetCommitResponse;
use broker_model::protocol::{ErrorCode, Response};
use broker_model::types::{GenerationId, GroupEpoch, MemberId, PartitionId, SECOND};

use super::{Bench, GROUP};
use crate::client::consumer::ConsumerEvent;

const NEW: (&str, &str) = ("group.protocol", "consumer");

pub(super) fn parts(list: &[u32]) -> Vec<PartitionId> {
    list.iter().map(|&p| PartitionId(p)).collect()
}

pub(super) fn revoked(list: &[u32]) -> ConsumerEvent {
    ConsumerEvent::Revoked(parts(list))
}

pub(super) fn assigned(list: &[u32]) -> ConsumerEvent {
    ConsumerEvent::Assigned(parts(list))
}

pub(super) fn lost(list: &[u32]) -> ConsumerEvent {
    ConsumerEvent::Lost(parts(list))
}

/// What a member says that joins a group.
pub(super) const JOINS: &str = "member-heartbeat epoch=0 timeout=300s topics=1 owned=[]";

impl Bench {
    /// A consumer that is about to join.
    pub(super) fn joining(settings: &[(&str, &str)], partitions: u32) -> Self {
        let leaders: Vec<_> = (0..partitions).map(|_| (0, 0)).collect();
        let settings: Vec<_> = settings.iter().copied().chain([NEW]).collect();
        let mut bench = Self::new(&settings, true, &leaders);
        bench.consumer.subscribe(&["t"]);
        bench.poll();
        bench.metadata();
        bench.find_coordinator();
        bench
    }

    /// A member in epoch 1 with all partitions, read from `committed` on.
    pub(super) fn member(settings: &[(&str, &str)], partitions: u32, committed: i64) -> Self {
        let mut bench = Self::joining(settings, partitions);
        let all: Vec<u32> = (0..partitions).collect();
        bench.answer_member(1, Some(&all));
        bench.told();
        bench.poll();
        bench.answer_member(1, None);
        bench.offset_fetch(committed);
        bench.sent();
        bench
    }

    pub(super) fn answer_member(&mut self, epoch: i32, assignment: Option<&[u32]>) {
        let response = ConsumerGroupHeartbeatResponse {
            error: ErrorCode::None,
            member: MemberId(0),
            epoch: GroupEpoch(epoch),
            heartbeat_interval: 5 * SECOND,
            assignment: assignment.map(parts),
        };
        self.answer("member-heartbeat", Response::ConsumerGroupHeartbeat(response));
    }

    pub(super) fn refuse_member(&mut self, error: ErrorCode) {
        let response = ConsumerGroupHeartbeatResponse::refused(error);
        self.answer("member-heartbeat", Response::ConsumerGroupHeartbeat(response));
    }

    /// What was sent, with `me` for the member's own id.
    pub(super) fn said(&mut self) -> Vec<String> {
        let me = self.consumer.live_member().expect("in a group").0.to_string();
        self.sent().into_iter().map(|line| line.replace(&me, "me")).collect()
    }

    pub(super) fn epoch(&self) -> Option<GenerationId> {
        self.consumer.group_metadata().map(|m| m.generation)
    }
}

#[test]
fn a_member_joins_with_an_id_of_its_own_and_acknowledges_at_once() {
    let mut b = Bench::joining(&[("group.remote.assignor", "range")], 2);
    let with_assignor = JOINS.replace("owned", "assignor=range owned");
    assert_eq!(b.said(), ["metadata", "find-coordinator", &with_assignor]);
    assert_eq!(b.epoch(), Some(GenerationId(-1)), "no member yet");
    b.answer_member(1, Some(&[1, 0]));
    assert_eq!(b.told(), [assigned(&[0, 1])]);
    assert_eq!(b.said(), [""; 0], "the application must poll again");
    b.poll();
    let acknowledged = "member-heartbeat epoch=1 owned=[0, 1]";
    assert_eq!(b.said(), [acknowledged, "offset-fetch stable=true [0, 1] epoch=1"]);
    let told = b.consumer.group_metadata().expect("in a group");
    assert_eq!((told.group, told.generation), (GROUP, GenerationId(1)));
    assert_ne!(told.member, MemberId(0));
}

#[test]
fn who_joins_tells_its_rack_and_no_later_heartbeat_does() {
    let mut b = Bench::member(&[], 1, 0);
    b.consumer.config.client_rack_name = Some("b".to_owned());
    b.consumer.leave_poll();
    b.advance(5_000);
    b.refuse_member(ErrorCode::FencedMemberEpoch);
    b.poll();
    assert_eq!(b.told(), [lost(&[0])]);
    b.said();
    b.poll();
    let joins = JOINS.replace("owned", "rack=b owned");
    assert_eq!(b.said(), [joins]);
    b.answer_member(2, Some(&[0]));
    assert_eq!(b.told(), [assigned(&[0])]);
    b.poll();
    assert_eq!(b.said()[0], "member-heartbeat epoch=2 owned=[0]");
}

#[test]
fn an_empty_assignment_is_told_and_acknowledged_too() {
    let mut b = Bench::joining(&[], 1);
    b.said();
    b.answer_member(1, Some(&[]));
    assert_eq!(b.told(), [assigned(&[])]);
    b.poll();
    assert_eq!(b.said(), ["member-heartbeat epoch=1 owned=[]"]);
}

#[test]
fn heartbeats_keep_the_interval_of_the_answers_and_tell_only_what_is_new() {
    let mut b = Bench::member(&[], 1, 0);
    b.advance(4_999);
    assert_eq!(b.said(), [""; 0]);
    b.advance(1);
    assert_eq!(b.said(), ["member-heartbeat epoch=1"]);
    b.advance(9_000);
    assert_eq!(b.said(), [""; 0], "one at a time");
    b.answer_member(3, None);
    assert_eq!(b.said(), ["member-heartbeat epoch=3"]);
    assert_eq!(b.epoch(), Some(GenerationId(3)));
}

#[test]
fn what_is_revoked_is_not_read_any_more_and_given_up_before_anything_is_added() {
    let mut b = Bench::member(&[], 2, 0);
    let batch = b.batch(3, -1);
    let data = [b.data(0, 0, &[batch]), b.data(1, 0, &[batch])];
    b.advance(5_000);
    b.consumer.leave_poll();
    b.answer_member(2, Some(&[1]));
    b.fetch(0, 77, data.to_vec());
    assert_eq!(b.told(), [], "a listener is called by poll alone");
    assert_eq!(b.poll(), [""; 0]);
    assert_eq!(b.told(), [revoked(&[0])]);
    assert_eq!(b.consumer.assignment(), parts(&[0, 1]), "not gone while the listener runs");
    b.said();
    b.poll();
    assert_eq!(b.told(), [assigned(&[])]);
    assert_eq!(b.consumer.assignment(), parts(&[1]));
    assert_eq!(b.said(), [""; 0], "acknowledged when the listener is back");
    assert_eq!(b.poll(), ["1@0..3"]);
    assert_eq!(b.said()[0], "member-heartbeat epoch=2 owned=[1]");
}

#[test]
fn a_target_that_changes_meanwhile_is_reconciled_next() {
    let mut b = Bench::member(&[], 3, 0);
    b.advance(5_000);
    b.answer_member(2, Some(&[0, 1]));
    assert_eq!(b.told(), [revoked(&[2])]);
    b.advance(5_000);
    b.answer_member(2, Some(&[0]));
    b.poll();
    assert_eq!(b.told(), [assigned(&[])]);
    b.said();
    b.poll();
    assert_eq!(b.said(), ["member-heartbeat epoch=2 owned=[0, 1]"]);
    assert_eq!(b.told(), [revoked(&[1])]);
}

const AUTO: [(&str, &str); 2] = [("enable.auto.commit", "true"), ("max.poll.records", "2")];

#[test]
fn an_auto_commit_comes_before_a_revocation_and_begins_in_a_poll() {
    let mut b = Bench::member(&AUTO, 2, 0);
    b.fetch_records(0, 5);
    assert_eq!(b.poll(), ["0@0..2"]);
    b.advance(4_999);
    b.advance(1);
    b.said();
    b.answer_member(2, Some(&[1]));
    assert_eq!(b.said(), [""; 0], "what was given is not processed yet");
    assert_eq!(b.poll(), [""; 0], "revoked partitions are not given");
    assert_eq!(b.said()[0], "offset-commit gen=2 member=me 0@2/le0 1@0");
    assert_eq!(b.told(), []);
    let batch = b.batch(3, -1);
    let data = b.data(1, 0, &[batch]);
    b.fetch(0, 77, vec![data]);
    assert_eq!(b.poll(), ["1@0..2"], "what stays is read meanwhile");
    b.commit(ErrorCode::StaleMemberEpoch);
    assert_eq!(b.told(), []);
    b.said();
    b.advance(100);
    let commit = &b.said()[0];
    assert_eq!(commit, "offset-commit gen=2 member=me 0@2/le0 1@2/le0", "a new epoch may do");
}

#[test]
fn a_missing_topic_ends_the_commit_before_a_revocation() {
    let mut b = Bench::member(&AUTO, 2, 0);
    b.advance(5_000);
    b.answer_member(2, Some(&[1]));
    // The one by interval came first.
    b.commit(ErrorCode::None);
    assert_eq!(b.told(), []);
    let partitions = vec![(PartitionId(0), ErrorCode::UnknownTopicOrPartition)];
    b.answer("offset-commit", Response::OffsetCommit(OffsetCommitResponse { partitions }));
    assert_eq!(b.told(), [revoked(&[0])]);
}

#[test]
fn one_auto_commit_is_under_way_at_most() {
    let mut b = Bench::member(&AUTO, 1, 3);
    b.advance(5_000);
    b.poll();
    b.advance(5_000);
    b.poll();
    let commits = b.said().iter().filter(|line| line.starts_with("offset-commit")).count();
    assert_eq!(commits, 1);
}

#[test]
fn partitions_that_metadata_does_not_know_wait_for_it() {
    let mut b = Bench::joining(&[], 1);
    b.answer_member(1, Some(&[0, 1]));
    assert_eq!(b.told(), [assigned(&[0])]);
    b.said();
    b.poll();
    assert_eq!(b.said()[0], "member-heartbeat epoch=1 owned=[0]");
    b.leaders.push((0, 0));
    b.advance(100);
    b.metadata();
    b.answer_member(1, None);
    assert_eq!(b.told(), [assigned(&[1])]);
}

#[test]
fn a_subscription_is_given_up_when_the_application_has_seen_it() {
    let mut b = Bench::member(&[], 1, 0);
    b.with(|consumer, cx, _| consumer.unsubscribe(cx));
    assert_eq!(b.said(), [""; 0]);
    assert_eq!(b.told(), [revoked(&[0])]);
    b.turn();
    let leaves = "member-heartbeat epoch=-1 topics=0 owned=[]";
    assert_eq!(b.said(), [leaves]);
    assert_eq!(b.consumer.assignment(), []);
    b.answer_member(-1, None);
    b.advance(20_000);
    assert_eq!(b.said(), [""; 0], "no heartbeats from outside");
    assert_eq!(b.epoch(), Some(GenerationId(-1)), "no zombie either");
    b.consumer.subscribe(&["t"]);
    b.turn();
    assert_eq!(b.said(), [""; 0], "only a poll joins");
    b.poll();
    assert_eq!(b.said()[0], JOINS, "the same member joins again");
}

#[test]
fn who_is_fenced_while_it_leaves_does_not_join_again() {
    let mut b = Bench::member(&[], 1, 0);
    b.advance(5_000);
    b.with(|consumer, cx, _| consumer.unsubscribe(cx));
    b.refuse_member(ErrorCode::UnknownMemberId);
    b.said();
    assert_eq!(b.told(), [revoked(&[0])]);
    b.turn();
    b.poll();
    b.poll();
    assert_eq!(b.told(), [], "nothing is left to lose");
    assert_eq!(b.said(), [""; 0]);
}

#[test]
fn a_close_leaves_and_a_static_member_says_that_it_will_come_back() {
    for (instance, leave, said) in [
        (None, true, vec!["member-heartbeat epoch=-1 owned=[]"]),
        (None, false, vec![]),
        (Some("i"), true, vec!["member-heartbeat epoch=-2 instance=i owned=[]"]),
        (Some("i"), false, vec!["member-heartbeat epoch=-2 instance=i owned=[]"]),
    ] {
        let settings: Vec<_> = instance.map(|i| ("group.instance.id", i)).into_iter().collect();
        let mut b = Bench::member(&settings, 1, 0);
        b.with(|consumer, cx, _| consumer.close(cx, leave));
        assert_eq!(b.told(), [revoked(&[0])]);
        b.said();
        b.turn();
        assert_eq!(b.told(), [ConsumerEvent::Closed]);
        let mut sent = b.said();
        sent.retain(|line| line.starts_with("member"));
        assert_eq!(sent, said);
    }
}
