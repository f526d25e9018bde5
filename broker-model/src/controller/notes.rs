//! What the controller's records say to the outside.

use super::Controller;
use crate::note::Note;
use crate::records::MetadataRecord;

impl Controller {
    /// What the record at an offset will say to the outside, seen from the image before it.
    pub(super) fn note_of(&self, offset: u64, record: &MetadataRecord) -> Option<Note> {
        debug_assert_eq!(offset, self.image.end(), "the image before the record");
        match record {
            MetadataRecord::RegisterBroker { broker, epoch, incarnation, .. } => {
                let (node, epoch, incarnation) = (*broker, *epoch, *incarnation);
                Some(Note::BrokerRegistered { node, epoch, incarnation })
            }
            MetadataRecord::Partition(new) => {
                let unclean = self.image.partition(new.partition).is_some_and(|old| {
                    // Whom a reassignment lets lead joined the ISR with the same record.
                    new.leader != old.leader
                        && new.recovering
                        && new.leader.is_some_and(|l| {
                            !old.isr.contains(&l) && !old.eligible_leader_replicas.contains(&l)
                        })
                });
                Some(Note::PartitionChanged {
                    partition: new.partition,
                    leader: new.leader,
                    leader_epoch: new.leader_epoch,
                    partition_epoch: new.partition_epoch,
                    isr: new.isr.clone(),
                    replicas: new.replicas.clone(),
                    eligible_leader_replicas: new.eligible_leader_replicas.clone(),
                    unclean,
                })
            }
            MetadataRecord::BrokerChange { broker, fenced, .. } => {
                let was_fenced = self.image.broker(*broker).is_some_and(|b| b.fenced);
                match (was_fenced, *fenced) {
                    (true, false) => Some(Note::BrokerUnfenced { node: *broker }),
                    (false, true) => Some(Note::BrokerFenced { node: *broker }),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}
