//! Brokers coming and going: registration, heartbeats, fencing, controlled shutdown.

use alloc::vec::Vec;

use super::partition_change::{Change, Election};
use super::{Controller, Decision};
use crate::metadata::BrokerImage;
use crate::protocol::ErrorCode;
use crate::protocol::controller::{
    AllocateProducerIdsRequest, BrokerHeartbeatRequest, BrokerHeartbeatResponse,
    BrokerRegistrationRequest,
};
use crate::records::{MetadataRecord, PartitionRecord};
use crate::rules::{BrokerEpochRule, Fencing, ProducerIdBlocks, Rules, UncleanShutdownDetect};
use crate::types::{BrokerEpoch, Instant, NodeId, ProducerId};

/// Ids in a block. Source: KIP-730.
pub(super) const PRODUCER_ID_BLOCK: u32 = 1_000;

/// What the controller knows of a broker outside the log: lost when the controller stops.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Session {
    /// The last heartbeat of the present broker epoch, or when this controller took over.
    last_contact: Option<Instant>,
    /// Next metadata offset the broker wants.
    metadata_offset: u64,
    /// End of the log when it began its controlled shutdown.
    shutdown_end: Option<u64>,
}

/// Where a broker stands. Source: Kafka, `BrokerControlState`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Fenced,
    Unfenced,
    ControlledShutdown,
    ShutdownNow,
}

impl Standing {
    const fn of(broker: &BrokerImage) -> Self {
        if broker.fenced {
            Self::Fenced
        } else if broker.in_controlled_shutdown {
            Self::ControlledShutdown
        } else {
            Self::Unfenced
        }
    }
}

/// Why a broker's partitions are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cause {
    /// It may not lead or be in sync any more.
    Gone,
    /// It came back and may have lost the end of its logs.
    LostLogs,
    /// It may lead again.
    Back,
}

impl Controller {
    pub(super) fn check_broker_epoch(
        &self,
        broker: NodeId,
        epoch: BrokerEpoch,
    ) -> Result<&BrokerImage, ErrorCode> {
        let known = self.image.broker(broker).filter(|b| b.epoch == epoch);
        known.ok_or(ErrorCode::StaleBrokerEpoch)
    }

    /// A new incarnation gets the offset of its record as epoch; the one that has it already
    /// (its answer was lost) keeps it. While another incarnation's session lives, a new one
    /// is refused; before 4.0 a fenced one has no session.
    pub(super) fn decide_registration(
        &self,
        now: Instant,
        request: &BrokerRegistrationRequest,
        rules: &Rules,
    ) -> Result<Decision<BrokerEpoch>, ErrorCode> {
        let broker = request.broker;
        let known = self.image.broker(broker);
        if let Some(known) = known.filter(|b| b.incarnation == request.incarnation) {
            return Ok(Decision { records: Vec::new(), answer: known.epoch });
        }
        let has_session =
            |b: &BrokerImage| !b.fenced || self.config.release.tracks_sessions_by_epoch();
        let lives = known.is_some_and(has_session) && !self.session_ended(now, broker);
        if lives {
            return Err(ErrorCode::DuplicateBrokerRegistration);
        }
        let clean = known.is_some_and(|b| b.epoch == request.previous_broker_epoch);
        let detects = self.config.eligible_leader_replicas
            && rules.unclean_shutdown_detect == UncleanShutdownDetect::On;
        let cause = if clean || !detects { Cause::Gone } else { Cause::LostLogs };
        let mut records = self.partition_changes(broker, cause, rules);
        let offset = self.quorum.end() + records.len() as u64;
        let next = BrokerEpoch(i64::try_from(offset).expect("offsets fit i64"));
        let epoch = match rules.broker_epoch {
            BrokerEpochRule::Offset => next,
            BrokerEpochRule::Reuse => known.map_or(next, |known| known.epoch),
        };
        records.push(MetadataRecord::RegisterBroker {
            broker,
            epoch,
            incarnation: request.incarnation,
            rack: request.rack,
            directories: request.directories.clone(),
        });
        Ok(Decision { records, answer: epoch })
    }

    /// One heartbeat. The caller then tells [`Controller::touch`].
    pub(super) fn decide_heartbeat(
        &self,
        request: &BrokerHeartbeatRequest,
        rules: &Rules,
    ) -> Result<Decision<BrokerHeartbeatResponse>, ErrorCode> {
        let broker = request.broker;
        let known = self.check_broker_epoch(broker, request.broker_epoch)?;
        let registered = u64::try_from(known.epoch.0).expect("an epoch is an offset");
        let caught_up = request.metadata_offset > registered;
        let (from, to) = (Standing::of(known), self.next_standing(known, request, caught_up));
        let change = |fenced, in_controlled_shutdown| MetadataRecord::BrokerChange {
            broker,
            epoch: known.epoch,
            fenced,
            in_controlled_shutdown,
        };
        let mut records = Vec::new();
        match to {
            _ if from == to => {}
            Standing::Unfenced => {
                records.push(change(false, false));
                records.extend(self.partition_changes(broker, Cause::Back, rules));
            }
            Standing::ControlledShutdown => {
                records.push(change(false, true));
                records.extend(self.partition_changes(broker, Cause::Gone, rules));
            }
            Standing::ShutdownNow if from == Standing::Fenced => {}
            Standing::Fenced | Standing::ShutdownNow => {
                records = self.decide_fencing(broker, rules);
            }
        }
        records.extend(self.directories_offline(request, known, &records, rules));
        let answer = BrokerHeartbeatResponse {
            error: ErrorCode::None,
            fenced: matches!(to, Standing::Fenced | Standing::ShutdownNow),
            caught_up,
            may_shut_down: to == Standing::ShutdownNow,
        };
        Ok(Decision { records, answer })
    }

    fn next_standing(
        &self,
        known: &BrokerImage,
        request: &BrokerHeartbeatRequest,
        caught_up: bool,
    ) -> Standing {
        let leads = || self.image.partitions().any(|p| p.leader == Some(request.broker));
        match Standing::of(known) {
            Standing::Fenced | Standing::ShutdownNow if request.want_shutdown => {
                Standing::ShutdownNow
            }
            Standing::Fenced | Standing::ShutdownNow => {
                let unfence = !request.want_fence && caught_up;
                if unfence { Standing::Unfenced } else { Standing::Fenced }
            }
            Standing::Unfenced if request.want_fence => {
                if request.want_shutdown {
                    Standing::ShutdownNow
                } else {
                    Standing::Fenced
                }
            }
            Standing::Unfenced if !request.want_shutdown => Standing::Unfenced,
            Standing::Unfenced if leads() => Standing::ControlledShutdown,
            Standing::Unfenced => Standing::ShutdownNow,
            Standing::ControlledShutdown => {
                // It may go once every other active broker knows the new leaders.
                let known_everywhere =
                    self.session(request.broker).shutdown_end.is_none_or(|end| {
                        self.image
                            .brokers()
                            .filter(|(_, b)| b.is_active())
                            .all(|(id, _)| self.session(id).metadata_offset >= end)
                    });
                if known_everywhere && !leads() {
                    Standing::ShutdownNow
                } else {
                    Standing::ControlledShutdown
                }
            }
        }
    }

    /// Remembers a heartbeat, after its records are in the log.
    pub(super) fn touch(&mut self, now: Instant, request: &BrokerHeartbeatRequest) {
        let end = self.quorum.end();
        let leaving = self
            .image
            .broker(request.broker)
            .is_some_and(|b| !b.fenced && b.in_controlled_shutdown);
        let session = self.session_mut(request.broker);
        session.last_contact = Some(now);
        session.metadata_offset = request.metadata_offset;
        session.shutdown_end = match session.shutdown_end {
            _ if !leaving => None,
            None => Some(end),
            known => known,
        };
    }

    /// A controller that starts gives every unfenced broker a whole session from now
    /// (KAFKA-19130).
    pub(super) fn start_sessions(&mut self, now: Instant) {
        self.sessions.clear();
        let unfenced = self.image.brokers().filter(|(_, b)| !b.fenced);
        let brokers: Vec<NodeId> = unfenced.map(|(id, _)| id).collect();
        for broker in brokers {
            self.session_mut(broker).last_contact = Some(now);
        }
    }

    /// A broker that is not fenced and has been silent for a session.
    pub(super) fn silent_broker(&self, now: Instant) -> Option<NodeId> {
        let mut unfenced = self.image.brokers().filter(|(_, b)| !b.fenced);
        unfenced.find(|(id, _)| self.session_ended(now, *id)).map(|(id, _)| id)
    }

    /// Its partitions go first, so that their records still find it unfenced, as in Kafka.
    pub(super) fn decide_fencing(&self, broker: NodeId, rules: &Rules) -> Vec<MetadataRecord> {
        let mut records = match rules.fencing {
            Fencing::Leaves => self.partition_changes(broker, Cause::Gone, rules),
            Fencing::Stays => Vec::new(),
        };
        records.extend(self.image.broker(broker).map(|known| MetadataRecord::BrokerChange {
            broker,
            epoch: known.epoch,
            fenced: true,
            in_controlled_shutdown: known.in_controlled_shutdown,
        }));
        records
    }

    pub(super) fn decide_producer_ids(
        &self,
        request: &AllocateProducerIdsRequest,
        rules: &Rules,
    ) -> Result<Decision<ProducerId>, ErrorCode> {
        self.check_broker_epoch(request.broker, request.broker_epoch)?;
        let mut first = self.image.next_producer_id();
        if rules.producer_id_blocks == ProducerIdBlocks::Reissued && first.0 > 0 {
            first.0 -= i64::from(PRODUCER_ID_BLOCK);
        }
        let next = ProducerId(first.0 + i64::from(PRODUCER_ID_BLOCK));
        Ok(Decision { records: [MetadataRecord::ProducerIds { next }].into(), answer: first })
    }

    /// A change of one partition under its topic's settings.
    pub(super) fn change<'a>(&self, partition: &'a PartitionRecord) -> Change<'a> {
        let min_isr = self.effective_min_isr(partition.topic);
        Change::of(partition, min_isr, self.config.eligible_leader_replicas)
    }

    /// Looks at every partition: brokers come and go rarely, and an index by broker would
    /// cost more in upkeep than these scans.
    fn partition_changes(
        &self,
        broker: NodeId,
        cause: Cause,
        rules: &Rules,
    ) -> Vec<MetadataRecord> {
        let concerned = |p: &&PartitionRecord| match cause {
            Cause::Gone => p.isr.contains(&broker) || p.leader == Some(broker),
            Cause::LostLogs => {
                p.isr.contains(&broker) || p.eligible_leader_replicas.contains(&broker)
            }
            Cause::Back => p.leader.is_none(),
        };
        let changed = self.image.partitions().filter(concerned).filter_map(|p| {
            let change = match cause {
                Cause::Gone => self.change(p).without(broker),
                Cause::LostLogs => self.change(p).lost_its_log(broker),
                Cause::Back => self.change(p),
            };
            let unclean = self.unclean_election_enabled(p.topic);
            let election = if unclean { Election::Unclean } else { Election::Online };
            let live = |r: NodeId| match cause {
                Cause::Gone | Cause::LostLogs => r != broker && self.image.may_lead(p, r),
                Cause::Back if r == broker => {
                    self.image.broker(r).is_some_and(|b| b.is_online(p.directory(r)))
                }
                Cause::Back => self.image.may_lead(p, r),
            };
            change.election(election).build(&live, rules)
        });
        changed.map(MetadataRecord::of_partition).collect()
    }

    fn session_ended(&self, now: Instant, broker: NodeId) -> bool {
        let timeout = self.config.broker_session_timeout;
        self.session(broker).last_contact.is_none_or(|contact| now.since(contact) > timeout)
    }

    /// When the first session of an unfenced broker ends, if it is not renewed.
    pub(super) fn first_session_end(&self) -> Option<Instant> {
        let unfenced = self.image.brokers().filter(|(_, b)| !b.fenced);
        let contacts = unfenced.filter_map(|(id, _)| self.session(id).last_contact);
        contacts.map(|contact| contact + self.config.broker_session_timeout + 1).min()
    }

    /// A new incarnation begins without a session.
    pub(super) fn end_session(&mut self, broker: NodeId) {
        self.session_mut(broker).last_contact = None;
    }

    fn session(&self, broker: NodeId) -> Session {
        self.sessions.get(broker.0 as usize).copied().unwrap_or_default()
    }

    fn session_mut(&mut self, broker: NodeId) -> &mut Session {
        let index = broker.0 as usize;
        if self.sessions.len() <= index {
            self.sessions.resize(index + 1, Session::default());
        }
        &mut self.sessions[index]
    }
}
