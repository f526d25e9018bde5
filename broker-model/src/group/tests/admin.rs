//! What administrators ask, and members that leave together. Recorded from Kafka 4.1.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::bench::{Bench, G, H, NOBODY, joining, p, producer, static_joining};
use crate::protocol::group::{
    JoinGroupRequest, LeaveGroupRequest, LeavingMember, MemberProtocol, Metadata,
    OffsetCommitRequest, ProtocolType,
};
use crate::protocol::group_admin::{
    DeleteGroupsRequest, DescribeGroupsRequest, DescribeGroupsResponse, GroupType,
    ListGroupsRequest, OffsetDeleteRequest,
};
use crate::protocol::{ErrorCode, Request, Response};
use crate::types::{GenerationId, GroupId, MemberId, PartitionId, SECOND, TopicId};

impl Bench {
    fn describe(&mut self, group: GroupId) -> DescribeGroupsResponse {
        let token = self.ask(Request::DescribeGroups(DescribeGroupsRequest { group }));
        match &self.replies[&token] {
            Response::DescribeGroups(r) => (**r).clone(),
            other => panic!("not a description: {other:?}"),
        }
    }

    fn delete(&mut self, group: GroupId) -> ErrorCode {
        let token = self.ask(Request::DeleteGroups(DeleteGroupsRequest { group }));
        match &self.replies[&token] {
            Response::DeleteGroups(r) => r.error,
            other => panic!("not a deletion: {other:?}"),
        }
    }

    fn delete_offsets(
        &mut self,
        group: GroupId,
        partitions: &[(u32, u32)],
    ) -> Result<Vec<ErrorCode>, ErrorCode> {
        let of = |&(topic, partition)| (TopicId(topic), PartitionId(partition));
        let partitions = partitions.iter().map(of).collect();
        let token = self.ask(Request::OffsetDelete(OffsetDeleteRequest { group, partitions }));
        match &self.replies[&token] {
            Response::OffsetDelete(r) if r.error == ErrorCode::None => {
                Ok(r.partitions.iter().map(|p| p.1).collect())
            }
            Response::OffsetDelete(r) => Err(r.error),
            other => panic!("not a deletion: {other:?}"),
        }
    }

    /// A join with a text that nobody can read.
    fn join_with_text(&mut self, group: GroupId, kind: &str) {
        let metadata = Metadata::Opaque(self.names.text("x"));
        let name = self.names.protocol("p");
        let protocol_type = self.names.protocol_type(kind);
        let protocols = Vec::from([MemberProtocol { name, metadata }]);
        let request = |member| JoinGroupRequest {
            protocol_type,
            protocols: protocols.clone(),
            ..joining(group, member)
        };
        let member = self.join(request(NOBODY)).member;
        assert_eq!(self.join(request(member)).error, ErrorCode::None);
    }
}

#[test]
fn each_of_those_that_leave_together_has_its_answer() {
    let mut b = Bench::new();
    let m = b.stable_one(G);
    let static_one = b.start_join(static_joining(G, NOBODY, "i1"));
    b.join(joining(G, m));
    assert_eq!(b.joined(static_one).error, ErrorCode::None);
    let pending = b.new_member(G);
    let named = |member, instance: Option<&str>| LeavingMember {
        member,
        instance: instance.map(ToString::to_string),
    };
    let members = Vec::from([
        named(MemberId(9), None),
        named(pending, None),
        named(NOBODY, Some("i1")),
        named(NOBODY, Some("i1")),
        named(m, Some("i2")),
    ]);
    let leave = LeaveGroupRequest { group: G, members: members.clone() };
    let token = b.ask(Request::LeaveGroup(leave));
    let Response::LeaveGroup(r) = &b.replies[&token] else { panic!("not a leave") };
    let unknown = ErrorCode::UnknownMemberId;
    let errors = [unknown, ErrorCode::None, ErrorCode::None, unknown, unknown];
    assert_eq!(r.error, ErrorCode::None);
    assert_eq!(r.members, members.into_iter().zip(errors).collect::<Vec<_>>());
    assert_eq!((b.state(G), b.group(G).members.len()), ("PreparingRebalance", 1));
}

#[test]
fn a_group_with_members_is_described_and_cannot_be_deleted() {
    let mut b = Bench::new();
    b.version = 5;
    assert_eq!(b.describe(G).error, ErrorCode::None);
    b.version = 6;
    assert_eq!((b.describe(G).error, b.describe(G).state), (ErrorCode::GroupIdNotFound, "Dead"));
    let m = b.stable_one(G);
    let stable = b.describe(G);
    assert_eq!((stable.state, stable.protocol_type), ("Stable", Some(ProtocolType::Consumer)));
    let member = &stable.members[0];
    assert_eq!((member.member, member.assignment.partitions()), (m, &p(&[0])[..]));
    assert!(member.metadata.is_some() && stable.protocol.is_some());
    b.new_member(G);
    b.leave(G, m, None);
    let waiting = b.describe(G);
    assert_eq!(
        (waiting.state, waiting.protocol, waiting.members.len()),
        ("PreparingRebalance", None, 0)
    );
    assert_eq!(b.delete(G), ErrorCode::NonEmptyGroup);
}

#[test]
fn a_deleted_group_takes_pending_offsets_with_it() {
    let mut b = Bench::new();
    let x = producer(7, 0);
    b.commit(G, NOBODY, -1, &[(1, 5)]);
    assert_eq!(b.txn_commit(x, G, &[(2, 6)]), ErrorCode::None);
    assert_eq!(b.fetch(G, 2, true), Err(ErrorCode::UnstableOffsetCommit));
    assert_eq!(b.delete(G), ErrorCode::None);
    assert_eq!(b.fetch(G, 2, true), Ok(-1));
    b.marker(x, true);
    assert_eq!(b.fetch_all(G), []);
    assert_eq!(b.delete(G), ErrorCode::GroupIdNotFound);
    let before = b.coordinator.groups();
    b.load();
    assert_eq!(b.coordinator.groups(), before);
}

#[test]
fn offsets_of_topics_in_use_cannot_be_deleted() {
    let mut b = Bench::new();
    b.version = 5;
    assert_eq!(b.delete_offsets(G, &[(0, 0)]), Err(ErrorCode::GroupIdNotFound));
    b.commit(G, NOBODY, -1, &[(0, 5), (1, 6)]);
    let m = b.stable_one(G);
    let subscribed = ErrorCode::GroupSubscribedToTopic;
    assert_eq!(b.delete_offsets(G, &[(0, 0), (9, 1)]), Ok([subscribed, ErrorCode::None].into()));
    let unknown = (9, PartitionId::UNKNOWN.0);
    assert_eq!(b.delete_offsets(G, &[unknown]), Ok([ErrorCode::UnknownTopicOrPartition].into()));
    assert_eq!(b.fetch_all(G), [(0, Ok(5))]);
    b.leave(G, m, None);
    assert_eq!(b.delete_offsets(G, &[(0, 0)]), Ok([ErrorCode::None].into()));
    assert_eq!(b.fetch_all(G), []);
    // What cannot be read may be a subscription to anything, of consumers.
    b.join_with_text(H, "consumer");
    assert_eq!(b.delete_offsets(H, &[(3, 3)]), Ok([subscribed].into()));
    b.join_with_text(GroupId(2), "connect");
    assert_eq!(b.delete_offsets(GroupId(2), &[(3, 3)]), Err(ErrorCode::NonEmptyGroup));
}

#[test]
fn lists_are_of_the_states_and_types_asked_for() {
    let mut b = Bench::new();
    b.stable_one(G);
    b.commit(H, NOBODY, -1, &[(1, 1)]);
    let list = |states: &[&str], types: &[&str]| {
        let words = |w: &[&str]| w.iter().map(ToString::to_string).collect();
        let request = ListGroupsRequest { states: words(states), types: words(types) };
        let found = b.coordinator.list(&request).groups;
        assert!(found.iter().all(|g| g.group_type == GroupType::Classic));
        found.iter().map(|g| (g.group, g.state, g.protocol_type)).collect::<Vec<_>>()
    };
    let stable = (G, "Stable", Some(ProtocolType::Consumer));
    assert_eq!(list(&[], &[]), [stable, (H, "Empty", None)]);
    assert_eq!(list(&["stable"], &["Classic"]), [stable]);
    assert_eq!(list(&[], &["consumer"]), []);
}

#[test]
fn a_retention_that_comes_with_the_commit_counts() {
    let mut b = Bench::new();
    let commit = |group, retention| {
        Request::OffsetCommit(OffsetCommitRequest {
            group,
            member: NOBODY,
            instance: None,
            generation: GenerationId(-1),
            retention,
            offsets: [super::bench::committed((1, 1))].to_vec(),
        })
    };
    b.ask(commit(G, Some(60 * SECOND)));
    b.ask(commit(H, None));
    b.wait(599 * SECOND);
    assert_eq!(b.fetch_all(G), [(1, Ok(1))]);
    b.wait(2 * SECOND);
    assert_eq!((b.fetch_all(G), b.fetch_all(H)), ([].into(), [(1, Ok(1))].into()));
    assert_eq!(b.coordinator.group(super::bench::SHARD, G), None);
}

#[test]
fn a_group_without_a_name_can_only_keep_offsets() {
    let mut b = Bench::new();
    let nameless = b.names.group("");
    assert_eq!(b.join(joining(nameless, NOBODY)).error, ErrorCode::InvalidGroupId);
    assert_eq!(b.heartbeat(nameless, MemberId(1), 1), ErrorCode::InvalidGroupId);
    assert_eq!(b.delete_offsets(nameless, &[(0, 0)]), Err(ErrorCode::InvalidGroupId));
    assert_eq!(b.commit(nameless, NOBODY, -1, &[(1, 1)]), ErrorCode::None);
    assert_eq!(b.fetch(nameless, 1, false), Ok(1));
    assert_eq!(b.delete(nameless), ErrorCode::None);
}

#[test]
fn a_text_with_an_offset_has_a_longest_length() {
    let mut b = Bench::new();
    let mut offset = super::bench::committed((1, 1));
    let mut commit = |b: &mut Bench, length| {
        offset.metadata = b.names.text(&"x".repeat(length));
        let token = b.ask(Request::OffsetCommit(OffsetCommitRequest {
            group: G,
            member: NOBODY,
            instance: None,
            generation: GenerationId(-1),
            retention: None,
            offsets: [offset].to_vec(),
        }));
        b.committed(token)[0]
    };
    assert_eq!(commit(&mut b, 4_096), ErrorCode::None);
    assert_eq!(commit(&mut b, 4_097), ErrorCode::OffsetMetadataTooLarge);
}
