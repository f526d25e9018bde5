//! Consumer groups: generations, owners, commits, who is thrown out.

use std::collections::BTreeMap;

use broker_model::note::Note;
use broker_model::protocol::group::CommittedOffset;
use broker_model::protocol::{ErrorCode, Request, Response};
use broker_model::types::{GroupId, Instant, MemberId, Offset, PartitionId};
use reports::story::MomentKind;

use super::stage::{Stage, Weight, and, broker};
use crate::world::{Heard, Party, Passage, Said, counted};

/// The groups of a run.
#[derive(Default, Debug)]
pub(super) struct Groups {
    members: BTreeMap<(GroupId, MemberId), Party>,
    /// What each client last asked to commit and was not told of: by group and client.
    commits: BTreeMap<(GroupId, Party), BTreeMap<PartitionId, Offset>>,
    owned: BTreeMap<Party, Vec<PartitionId>>,
    /// Every commit: when, by whom, of what.
    pub(super) committed: Vec<(Instant, Party, PartitionId, Offset)>,
    /// When processes of clients were killed.
    pub(super) killed: Vec<(Instant, Party)>,
    generations: BTreeMap<Party, String>,
}

impl Groups {
    pub(super) fn hear(&mut self, stage: &mut Stage<'_>, heard: &Heard) {
        if !stage.subject.groups {
            return;
        }
        match heard {
            Heard::Note(Note::RebalanceStarted { node, group }) if stage.has_group(*group) => {
                self.tell_commits(stage);
                let (who, name) = (broker(*node), stage.group(*group));
                let text = format!("group {name} begins a rebalance (coordinator {who}).");
                stage.say(MomentKind::Group, stage.since_begin(), text);
            }
            Heard::Note(Note::GroupStable { group, generation, members, .. })
                if stage.has_group(*group) =>
            {
                let (name, members) = (stage.group(*group), counted(*members, "member"));
                let text = format!("group {name} is stable in generation {generation}, {members}.");
                stage.say(MomentKind::Group, stage.since_begin(), text);
            }
            Heard::Note(Note::MemberFenced { group, member, .. }) if stage.has_group(*group) => {
                self.tell_commits(stage);
                let (name, who) = (stage.group(*group), self.member(stage, *group, *member));
                let text = format!("the coordinator takes {who} out of group {name}.");
                stage.say(MomentKind::Group, Weight::Strong, text);
            }
            Heard::Note(Note::CoordinatorLoaded { node, partition })
                if stage.partition(*partition).starts_with("__consumer_offsets/") =>
            {
                let (who, name) = (broker(*node), stage.partition(*partition));
                let text = format!("{who} has loaded {name} and coordinates its groups.");
                stage.say(MomentKind::Group, Weight::Faint, text);
            }
            Heard::Sent(place) => self.sent(stage, *place),
            Heard::Arrived(place) => self.arrived(stage, *place),
            Heard::Killed(party) => {
                self.tell_commits(stage);
                self.killed.push((stage.now, *party));
            }
            _ => {}
        }
    }

    /// Says how far has been committed since that was last said.
    pub(super) fn tell_commits(&mut self, stage: &mut Stage<'_>) {
        for ((group, party), offsets) in std::mem::take(&mut self.commits) {
            let offsets =
                offsets.into_iter().filter(|(partition, _)| stage.subject.has(*partition));
            let offsets: Vec<String> = offsets
                .map(|(partition, offset)| format!("{} to {offset}", stage.partition(partition)))
                .collect();
            if offsets.is_empty() || !stage.has_group(group) {
                continue;
            }
            let (who, name) = (stage.party(party), stage.group(group));
            let text = format!("{who} has committed for group {name}: {}.", and(offsets));
            stage.say(MomentKind::Group, Weight::Plain, text);
        }
    }

    /// The processes behind members, by the members' numbers.
    pub(super) fn named_members(&self) -> impl Iterator<Item = (MemberId, Party)> + '_ {
        self.members.iter().map(|((_, member), party)| (*member, *party))
    }

    /// Who a member is.
    fn member(&self, stage: &Stage<'_>, group: GroupId, member: MemberId) -> String {
        match self.members.get(&(group, member)) {
            Some(party) => stage.party(*party),
            None => format!("member {member}"),
        }
    }

    fn knows(&mut self, group: GroupId, member: MemberId, party: Party) {
        if member != MemberId(0) && matches!(party, Party::Client(_)) {
            self.members.insert((group, member), party);
        }
    }

    /// Whoever asks names itself.
    fn sent(&mut self, stage: &Stage<'_>, place: usize) {
        let passage = &stage.hearing.passages[place];
        let Said::Request(request) = &passage.said else { return };
        match request {
            Request::JoinGroup(r) => self.knows(r.group, r.member, passage.from),
            Request::SyncGroup(r) => self.knows(r.group, r.member, passage.from),
            Request::ConsumerGroupHeartbeat(r) => self.knows(r.group, r.member, passage.from),
            Request::OffsetCommit(r) => self.knows(r.group, r.member, passage.from),
            Request::TxnOffsetCommit(r) => self.knows(r.group, r.member, passage.from),
            _ => {}
        }
    }

    fn arrived(&mut self, stage: &mut Stage<'_>, place: usize) {
        let passage = &stage.hearing.passages[place];
        match &passage.said {
            Said::Request(request) => self.request(stage, passage, request),
            Said::Response(response) => self.response(stage, passage, response),
        }
    }

    fn request(&mut self, stage: &mut Stage<'_>, passage: &Passage, request: &Request) {
        match request {
            Request::OffsetCommit(r) => {
                self.commits_of(stage.now, r.group, passage.from, &r.offsets);
            }
            Request::TxnOffsetCommit(r) => {
                self.commits_of(stage.now, r.group, passage.from, &r.offsets);
            }
            Request::LeaveGroup(r) if stage.has_group(r.group) => {
                self.tell_commits(stage);
                let (who, name) = (stage.party(passage.from), stage.group(r.group));
                stage.say(MomentKind::Group, Weight::Plain, format!("{who} leaves group {name}."));
            }
            Request::ConsumerGroupHeartbeat(r) if stage.has_group(r.group) => {
                let Some(owned) = &r.owned else { return };
                if self.owned.get(&passage.from) == Some(owned) || owned.is_empty() {
                    return;
                }
                let (who, what) = (stage.party(passage.from), stage.partitions(owned));
                let text = format!("{who} reports that it owns {what}.");
                self.owned.insert(passage.from, owned.clone());
                stage.say(MomentKind::Group, Weight::Light, text);
            }
            _ => {}
        }
    }

    fn commits_of(
        &mut self,
        at: Instant,
        group: GroupId,
        party: Party,
        offsets: &[CommittedOffset],
    ) {
        let known = self.commits.entry((group, party)).or_default();
        known.extend(offsets.iter().map(|one| (one.partition, one.offset)));
        let all = offsets.iter().map(|one| (at, party, one.partition, one.offset));
        self.committed.extend(all);
    }

    fn response(&mut self, stage: &mut Stage<'_>, passage: &Passage, response: &Response) {
        if !stage.is_of_told_group(passage.to) {
            return;
        }
        let who = stage.party(passage.to);
        match response {
            Response::JoinGroup(r) if r.error == ErrorCode::None => {
                self.generations.insert(passage.to, format!("generation {}", r.generation));
            }
            Response::SyncGroup(r) if r.error == ErrorCode::None => {
                let generation = self.generations.get(&passage.to).cloned().unwrap_or_default();
                let what = stage.partitions(r.assignment.partitions());
                let text = format!("{who} hears that it owns {what} in {generation}.");
                stage.say(MomentKind::Group, Weight::Plain, text);
            }
            Response::ConsumerGroupHeartbeat(r) if r.error == ErrorCode::None => {
                let Some(assigned) = &r.assignment else { return };
                let (what, epoch) = (stage.partitions(assigned), r.epoch);
                let text = format!("{who} hears, in epoch {epoch}, that it shall own {what}.");
                stage.say(MomentKind::Group, Weight::Plain, text);
            }
            Response::OffsetFetch(r) if r.error == ErrorCode::None => {
                let told = r.partitions.iter().filter(|(_, one)| stage.subject.has(one.partition));
                let told: Vec<String> = told
                    .map(|(_, one)| {
                        let name = stage.partition(one.partition);
                        match one.offset.0 {
                            ..0 => format!("nothing is committed of {name}"),
                            offset => format!("{name} is committed to {offset}"),
                        }
                    })
                    .collect();
                if !told.is_empty() {
                    let text = format!("{who} hears that {}.", and(told));
                    stage.say(MomentKind::Group, stage.since_begin(), text);
                }
            }
            Response::OffsetCommit(r) => self.refused(stage, &who, "commit", &r.partitions),
            Response::TxnOffsetCommit(r) => {
                self.refused(stage, &who, "commit of offsets in a transaction", &r.partitions);
            }
            Response::Heartbeat(r) => tell_error(stage, &who, "heartbeat", r.error),
            Response::ConsumerGroupHeartbeat(r) => tell_error(stage, &who, "heartbeat", r.error),
            Response::JoinGroup(r) if r.error != ErrorCode::MemberIdRequired => {
                tell_error(stage, &who, "JoinGroup", r.error);
            }
            Response::SyncGroup(r) => tell_error(stage, &who, "SyncGroup", r.error),
            _ => {}
        }
    }

    fn refused(
        &mut self,
        stage: &mut Stage<'_>,
        who: &str,
        what: &str,
        partitions: &[(PartitionId, ErrorCode)],
    ) {
        if let Some((_, error)) = partitions.iter().find(|(_, error)| *error != ErrorCode::None) {
            tell_error(stage, who, what, *error);
        }
    }
}

fn tell_error(stage: &mut Stage<'_>, who: &str, what: &str, error: ErrorCode) {
    if error == ErrorCode::None || error == ErrorCode::RebalanceInProgress {
        return;
    }
    let text = format!("{who} hears {} to its {what}.", error.name());
    stage.say(MomentKind::Group, Weight::Plain, text);
}
