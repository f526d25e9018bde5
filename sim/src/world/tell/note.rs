//! Notes of the machines in words.

use broker_model::note::Note;

use super::words::{Words, counted, leader, member, nodes, producer};

impl Words<'_> {
    /// What a machine said happened.
    pub(super) fn note(&self, note: &Note) -> String {
        match note {
            Note::Appended { node, partition, entry, end, leader } => {
                let verb = if *leader { "appends" } else { "copies" };
                let (partition, batch) = (self.partition(*partition), self.batch(entry.batch));
                let (base, epoch) = (entry.base_offset, entry.leader_epoch);
                format!("broker {node} {verb} {partition} [{base}, {end}) epoch {epoch} ({batch})")
            }
            Note::HighWatermark { node, partition, high_watermark, last_stable_offset, .. } => {
                let stable = if last_stable_offset == high_watermark {
                    String::new()
                } else {
                    format!(", last stable offset {last_stable_offset}")
                };
                let partition = self.partition(*partition);
                format!("broker {node}: {partition} high watermark {high_watermark}{stable}")
            }
            Note::Acknowledged { node, partition, base_offset, end } => {
                let partition = self.partition(*partition);
                format!("broker {node} acknowledges {partition} [{base_offset}, {end})")
            }
            Note::Truncated { node, partition, end, from, .. } => {
                format!(
                    "broker {node} truncates {} from {from} to {end}",
                    self.partition(*partition)
                )
            }
            Note::LogStart { node, partition, log_start_offset } => {
                format!(
                    "broker {node}: {} starts at {log_start_offset}",
                    self.partition(*partition)
                )
            }
            Note::Rolled { .. }
            | Note::Repeated { .. }
            | Note::Read { .. }
            | Note::DirectoryFailed { .. }
            | Note::CorruptTail { .. }
            | Note::CorruptFetched { .. }
            | Note::FirstSequenceSkipped { .. }
            | Note::Compacted { .. } => self.log_note(note),
            Note::BecameLeader { node, partition, leader_epoch, start } => {
                let partition = self.partition(*partition);
                format!("broker {node} leads {partition} in epoch {leader_epoch} from {start}")
            }
            Note::BecameFollower { node, partition, leader_epoch } => {
                format!(
                    "broker {node} follows {} in epoch {leader_epoch}",
                    self.partition(*partition)
                )
            }
            Note::PartitionChanged { .. } => self.partition_changed(note),
            Note::BrokerFenced { node } => format!("broker {node} is fenced"),
            Note::BrokerUnfenced { node } => format!("broker {node} is unfenced"),
            Note::TransactionState { node, transactional_id, producer: id, state } => {
                let name = self.transaction(*transactional_id);
                format!("broker {node}: {name} is {}, {}", state.name(), producer(*id))
            }
            Note::Marker { node, partition, producer_id, producer_epoch, commit } => {
                let end = if *commit { "commit" } else { "abort" };
                let partition = self.partition(*partition);
                format!(
                    "broker {node} writes {end} marker of producer {producer_id} epoch \
                     {producer_epoch} to {partition}"
                )
            }
            Note::ProducerFenced { node, producer_id } => {
                format!("broker {node} turns away the fenced producer {producer_id}")
            }
            Note::ProducerIds { .. }
            | Note::CoordinatorLoaded { .. }
            | Note::CommitAccepted { .. }
            | Note::RebalanceStarted { .. }
            | Note::GroupStable { .. }
            | Note::MemberFenced { .. }
            | Note::OffsetsCommitted { .. } => self.coordinator_note(note),
            Note::QuorumVoted { .. }
            | Note::QuorumLeader { .. }
            | Note::QuorumHighWatermark { .. }
            | Note::BrokerRegistered { .. }
            | Note::MetadataSnapshot { .. }
            | Note::MetadataSnapshotLoaded { .. }
            | Note::MetadataApplied { .. } => metadata_note(note),
        }
    }

    /// What coordinators know, and what became of groups.
    fn coordinator_note(&self, note: &Note) -> String {
        match note {
            Note::ProducerIds { node, first, count } => {
                format!("broker {node} is given {count} producer ids from {first} on")
            }
            Note::CoordinatorLoaded { node, partition } => {
                format!("broker {node} has loaded {}", self.partition(*partition))
            }
            Note::CommitAccepted { node, group, member: id, partitions, .. } => {
                let (group, count) = (self.group(*group), counted(partitions.len(), "partition"));
                format!("broker {node}: {} commits {count} of {group}", member(*id))
            }
            Note::RebalanceStarted { node, group } => {
                format!("broker {node}: {} rebalances", self.group(*group))
            }
            Note::GroupStable { node, group, generation, members } => {
                let (group, members) = (self.group(*group), counted(*members, "member"));
                format!("broker {node}: {group} is stable in generation {generation}, {members}")
            }
            Note::MemberFenced { node, group, member: id } => {
                format!("broker {node}: {} loses {}", self.group(*group), member(*id))
            }
            Note::OffsetsCommitted { node, group, partitions } => {
                let (group, count) = (self.group(*group), counted(*partitions, "partition"));
                format!("broker {node}: {group} has committed {count}")
            }
            _ => String::new(),
        }
    }

    /// What was read from a log, what was wrong with one, and what a cleaning did.
    fn log_note(&self, note: &Note) -> String {
        match note {
            Note::Rolled { node, partition, .. } => {
                format!("broker {node} opens a segment of {}", self.partition(*partition))
            }
            Note::Repeated { node, partition, base_offset, .. } => {
                let partition = self.partition(*partition);
                format!("broker {node} has a batch of {partition} already, at {base_offset}")
            }
            Note::Read { node, partition, end, committed } => {
                let (partition, word) =
                    (self.partition(*partition), if *committed { "committed " } else { "" });
                format!("broker {node} gives {word}records of {partition} up to {end}")
            }
            Note::DirectoryFailed { node, directory, replicas } => {
                let replicas = counted(*replicas, "replica");
                let place = directory + 1;
                format!("broker {node} finds log directory {place} failed, {replicas} offline")
            }
            Note::CorruptTail { node, partition, end, from } => {
                let partition = self.partition(*partition);
                format!("broker {node} recovers {partition}: corrupt at {end}, cut from {from}")
            }
            Note::CorruptFetched { node, partition, base_offset } => {
                let partition = self.partition(*partition);
                format!("broker {node} turns away the corrupt batch {partition} @{base_offset}")
            }
            Note::FirstSequenceSkipped { node, partition, .. } => {
                let partition = self.partition(*partition);
                format!(
                    "broker {node} knows nothing of the producer and takes what it sends to {partition}"
                )
            }
            Note::Compacted { node, partition, from, end, removed, .. } => {
                let (partition, gone) = (self.partition(*partition), counted(*removed, "record"));
                format!("broker {node} compacts {partition} [{from}, {end}), {gone} removed")
            }
            _ => String::new(),
        }
    }

    fn partition_changed(&self, note: &Note) -> String {
        let Note::PartitionChanged {
            partition,
            leader: elected,
            leader_epoch,
            isr,
            eligible_leader_replicas,
            unclean,
            ..
        } = note
        else {
            return String::new();
        };
        let partition = self.partition(*partition);
        let (elected, isr) = (leader(*elected), nodes(isr));
        let eligible = match &eligible_leader_replicas[..] {
            [] => String::new(),
            ids => format!(", ELR {}", nodes(ids)),
        };
        let unclean = if *unclean { ", unclean" } else { "" };
        format!(
            "controller: {partition} is led by {elected} in epoch {leader_epoch}, ISR {isr}{eligible}{unclean}"
        )
    }
}

/// Notes about the metadata log.
fn metadata_note(note: &Note) -> String {
    match note {
        Note::QuorumVoted { node, epoch, candidate } => {
            format!("controller {node} votes for controller {candidate} in epoch {epoch}")
        }
        Note::QuorumLeader { node, epoch, start } => {
            format!("controller {node} is elected in epoch {epoch}, from {start}")
        }
        Note::QuorumHighWatermark { node, high_watermark, .. } => {
            format!("controller {node}: metadata is committed up to {high_watermark}")
        }
        Note::BrokerRegistered { node, epoch, incarnation } => {
            format!("broker {node} is registered with epoch {epoch}, incarnation {incarnation}")
        }
        Note::MetadataSnapshot { node, end, records } => {
            let records = counted(*records, "record");
            format!("controller {node} takes a snapshot of the metadata before {end}, {records}")
        }
        Note::MetadataSnapshotLoaded { node, end } => {
            format!("node {node} loads a snapshot of the metadata before {end}")
        }
        Note::MetadataApplied { node, from, end } => {
            format!("broker {node} applies metadata [{from}, {end})")
        }
        _ => String::new(),
    }
}
