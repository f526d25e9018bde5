//! The log directories of a broker (`log.dirs`): where replicas go, and what happens when one
//! fails. Source: KIP-112, KIP-858; Kafka, `LogManager`, `ReplicaManager.handleLogDirFailure`.
//!
//! A directory that fails is found out by the next append to a log in it, or by the next
//! checkpoint of high watermarks, which writes to all of them. From then on its replicas are
//! offline until the disk was replaced and the process started again. Reads are no such thing:
//! what is in the page cache stays readable until then.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use super::Broker;
use super::calls::Call;
use crate::config::BrokerConfig;
use crate::io::{Context, Disconnected, Output};
use crate::note::Note;
use crate::protocol::controller::{AssignReplicasToDirsRequest, AssignReplicasToDirsResponse};
use crate::protocol::{ErrorCode, Request};
use crate::records::PartitionRecord;
use crate::types::{
    BrokerEpoch, DirectoryId, Duration, Instant, MILLISECOND, NodeId, Offset, PartitionId,
};

/// Replicas that one request names (`AssignReplicasToDirsRequest.MAX_ASSIGNMENTS_PER_REQUEST`).
const ASSIGNMENTS_MAX: usize = 2_250;
/// How long replicas wait for others that may go with them, and twice as long after each failure
/// up to the greatest. Source: `AssignmentsManager.STANDARD_BACKOFF`, without its 2 % of jitter.
const ASSIGNMENT_DELAY: Duration = 100 * MILLISECOND;
const ASSIGNMENT_DELAY_MAX: Duration = 10_000 * MILLISECOND;

/// The log directories of one broker, by their places in `log.dirs`.
#[derive(Clone, Debug)]
pub(super) struct Directories {
    node: NodeId,
    /// The one with the broker's share of the metadata log, without which it does not live, if
    /// that is among these.
    metadata: Option<u32>,
    /// How many replicas each holds.
    replicas: Vec<u32>,
    /// How often the disk of each was replaced.
    replaced: Vec<u32>,
    /// I/O fails in these: one bit each.
    failing: u64,
    /// The process knows of these, and serves nothing from them.
    offline: u64,
    /// Found out, and not yet dealt with.
    found: u64,
    /// A disk was replaced, and no process has registered since.
    renewed: bool,
    /// Replicas in directories that are offline, with the place of each.
    pub(super) lost: BTreeMap<PartitionId, u32>,
    /// What the heartbeat under way names.
    telling: u64,
    /// The controller has heard of these.
    heard: u64,
    /// Until then it must have heard of all that are offline.
    tell_by: Instant,
    /// Replicas whose directory the controller does not know.
    unassigned: BTreeSet<PartitionId>,
    /// The request under way names these.
    in_flight: Vec<PartitionId>,
    assign_at: Instant,
    /// Requests about assignments that failed since the last one that did not.
    failures: u32,
}

impl Directories {
    pub(super) fn new(node: NodeId, config: &BrokerConfig) -> Self {
        let count = config.log_dirs.len();
        Self {
            node,
            metadata: config.metadata_place(),
            replicas: vec![0; count],
            replaced: vec![0; count],
            failing: 0,
            offline: 0,
            found: 0,
            renewed: false,
            lost: BTreeMap::new(),
            telling: 0,
            heard: 0,
            tell_by: Instant::FAR,
            unassigned: BTreeSet::new(),
            in_flight: Vec::new(),
            assign_at: Instant::FAR,
            failures: 0,
        }
    }

    fn places(&self) -> impl Iterator<Item = u32> + use<> {
        0..u32::try_from(self.replicas.len()).expect("a list of at most 64")
    }

    fn id(&self, place: u32) -> DirectoryId {
        DirectoryId::of(self.node, place, self.replaced[place as usize])
    }

    fn is_offline(&self, place: u32) -> bool {
        self.offline >> place & 1 == 1
    }

    /// Those that are online, as a registration names them.
    pub(super) fn online(&self) -> Vec<DirectoryId> {
        self.places().filter(|&p| !self.is_offline(p)).map(|p| self.id(p)).collect()
    }

    pub(super) fn online_count(&self) -> u32 {
        self.places().map(|p| u32::from(!self.is_offline(p))).sum()
    }

    pub(super) fn count(&mut self, place: u32, more: i32) {
        let count = &mut self.replicas[place as usize];
        *count = count.checked_add_signed(more).expect("every replica is counted once");
    }

    pub(super) const fn any_fails(&self) -> bool {
        self.failing != 0
    }

    /// I/O in a directory finds out whether it fails.
    pub(super) const fn find_out(&mut self, place: u32) -> bool {
        let bit = self.failing & 1 << place;
        self.found |= bit & !self.offline;
        bit != 0
    }

    /// I/O in every directory.
    pub(super) const fn find_out_all(&mut self) {
        self.found |= self.failing & !self.offline;
    }

    pub(super) const fn pop_found(&mut self) -> Option<u32> {
        if self.found == 0 {
            return None;
        }
        let place = self.found.trailing_zeros();
        self.found &= self.found - 1;
        Some(place)
    }

    /// Where a replica goes that is in no directory which is online: to the one that it is
    /// assigned to, else to the one with fewest. While one is offline only replicas are made
    /// that have never been anywhere, because others may be in there.
    pub(super) fn place(&mut self, partition: PartitionId, assigned: DirectoryId) -> Option<u32> {
        if let Some(place) = self.places().find(|&place| self.id(place) == assigned) {
            if self.is_offline(place) {
                self.lost.insert(partition, place);
                return None;
            }
            return Some(place);
        }
        if self.offline != 0 && assigned != DirectoryId::UNASSIGNED {
            self.lost.insert(partition, self.offline.trailing_zeros());
            return None;
        }
        let online = self.places().filter(|&place| !self.is_offline(place));
        online.min_by_key(|&place| self.replicas[place as usize])
    }

    /// What a heartbeat says of those that are offline.
    pub(super) fn tell_offline(&mut self) -> Vec<DirectoryId> {
        self.telling = self.offline;
        self.places().filter(|&p| self.is_offline(p)).map(|p| self.id(p)).collect()
    }

    /// The controller has taken a heartbeat.
    pub(super) const fn told(&mut self) {
        self.heard |= self.telling;
        if self.heard == self.offline {
            self.tell_by = Instant::FAR;
        }
    }

    /// The epoch of which a process may say that the one before ended in order: every
    /// directory must hold the file that says so. Source: Kafka,
    /// `LogManager.readBrokerEpochFromCleanShutdownFiles`.
    pub(super) const fn vouch_for(&self, previous: BrokerEpoch) -> BrokerEpoch {
        if self.renewed || self.offline != 0 { BrokerEpoch(-1) } else { previous }
    }

    /// A process registered, and has said what there is to say of the one before.
    pub(super) const fn registered(&mut self) {
        self.renewed = false;
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.tell_by.min(self.assign_at)
    }

    /// How long to wait before the controller is told of directories. Source:
    /// `AssignmentsManagerDeadlineFunction`.
    fn assignment_delay(&self) -> Duration {
        if self.failures > 0 {
            return (ASSIGNMENT_DELAY << self.failures.min(16)).min(ASSIGNMENT_DELAY_MAX);
        }
        let many = self.unassigned.len() > ASSIGNMENTS_MAX && self.in_flight.is_empty();
        if many { 0 } else { ASSIGNMENT_DELAY }
    }

    /// The process ends.
    pub(super) fn stop(&mut self) {
        self.found = 0;
        self.telling = 0;
        self.heard = 0;
        self.tell_by = Instant::FAR;
        self.unassigned.clear();
        self.in_flight.clear();
        self.assign_at = Instant::FAR;
        self.failures = 0;
    }
}

impl Broker {
    /// From now on all I/O in a log directory fails, named by its place in `log.dirs`. The
    /// process, if there is one, finds out by itself.
    ///
    /// # Panics
    /// If there is no such directory.
    pub fn fail_directory(&mut self, place: u32) {
        assert!((place as usize) < self.config.log_dirs.len(), "a directory is one of log.dirs");
        self.replicas.directories.failing |= 1 << place;
    }

    /// The directories in which I/O fails, by their places.
    #[must_use]
    pub fn failing_directories(&self) -> Vec<u32> {
        let directories = &self.replicas.directories;
        directories.places().filter(|&place| directories.failing >> place & 1 == 1).collect()
    }

    /// The disk below a log directory is replaced by an empty one. No process runs. Returns the
    /// partitions whose logs were on it, as far as no process had given them up before, with
    /// their bytes.
    ///
    /// # Panics
    /// If the process runs.
    pub fn replace_directory(&mut self, place: u32) -> Vec<(PartitionId, u64)> {
        assert!(!self.is_running(), "a disk is replaced while nobody uses it");
        let directories = &mut self.replicas.directories;
        directories.failing &= !(1 << place);
        directories.offline &= !(1 << place);
        directories.replaced[place as usize] += 1;
        directories.renewed = true;
        directories.lost.retain(|_, lost| *lost != place);
        let gone = self.logs_in(place);
        for &(partition, _) in &gone {
            self.replicas.remove(partition);
        }
        gone
    }

    /// Where the replica of a partition is, by its place in `log.dirs`.
    #[must_use]
    pub fn log_directory(&self, partition: PartitionId) -> Option<u32> {
        self.replicas.place_of(partition)
    }

    fn logs_in(&mut self, place: u32) -> Vec<(PartitionId, u64)> {
        let all = self.replicas.iter_mut().filter(|(_, hosted)| hosted.directory == place);
        all.map(|(partition, hosted)| (partition, hosted.replica.log().size_bytes())).collect()
    }

    /// A process starts: what fails already is found out at once.
    pub(super) fn open_directories(&mut self, cx: &mut Context<'_>) {
        for place in self.failing_directories() {
            self.directory_failed(cx, place);
        }
    }

    /// A directory failed: its replicas are offline, and the controller hears of it at once.
    /// Without the metadata log, or any directory, the process ends.
    pub(super) fn directory_failed(&mut self, cx: &mut Context<'_>, place: u32) {
        let gone = self.logs_in(place);
        let replicas = u32::try_from(gone.len()).expect("fewer than 2^32 partitions");
        cx.note(Note::DirectoryFailed { node: self.node, directory: place, replicas });
        self.replicas.directories.offline |= 1 << place;
        if self.replicas.directories.metadata == Some(place) {
            return self.halt(cx, "the metadata log directory has failed", true);
        }
        if self.replicas.directories.online_count() == 0 {
            return self.halt(cx, "all log directories have failed", true);
        }
        for (partition, bytes) in gone {
            self.replicas.remove(partition);
            self.replicas.directories.lost.insert(partition, place);
            cx.outputs.push(Output::Cut { partition, end: Offset::ZERO });
            cx.outputs.push(Output::Free { bytes });
            self.end_role(cx, partition, ErrorCode::KafkaStorageError);
        }
        let by = cx.now.instant + self.config.log_dir_failure_timeout;
        let directories = &mut self.replicas.directories;
        directories.tell_by = directories.tell_by.min(by);
        if self.is_registered() {
            self.heartbeat_at_once(cx);
        }
    }

    /// The controller shall know which directory a replica is in. The broker looks at it only
    /// when the partition is new to it or a record says anew where its replicas are, and not when
    /// a reassignment makes this replica one of a partition that was there: then the controller
    /// learns of it by a later change, or never. Source: Kafka, `TopicDelta.localChanges`.
    pub(super) fn assign_directory(
        &mut self,
        cx: &mut Context<'_>,
        record: &PartitionRecord,
        joined: bool,
    ) {
        let Some(hosted) = self.replicas.hosted_mut(record.partition) else { return };
        let place = hosted.directory;
        let named = match &hosted.record {
            Some(old) => !old.same_directories(record),
            None => !joined,
        };
        let directories = &mut self.replicas.directories;
        if record.directory(self.node) == directories.id(place) {
            directories.unassigned.remove(&record.partition);
            return;
        }
        if named && directories.unassigned.insert(record.partition) {
            let at = cx.now.instant + directories.assignment_delay();
            directories.assign_at = directories.assign_at.min(at);
        }
    }

    pub(super) fn directory_tick(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.instant;
        if self.replicas.directories.tell_by <= now {
            self.replicas.directories.tell_by = Instant::FAR;
            return self.halt(cx, "the controller could not be told of a failed directory", true);
        }
        if self.replicas.directories.assign_at <= now {
            self.send_assignments(cx);
        }
    }

    fn send_assignments(&mut self, cx: &mut Context<'_>) {
        self.replicas.directories.assign_at = Instant::FAR;
        let Some(controller) = self.life.controller() else { return };
        let directories = &self.replicas.directories;
        if !directories.in_flight.is_empty() {
            return;
        }
        let waiting = directories.unassigned.iter().copied();
        let named: Vec<PartitionId> = waiting.take(ASSIGNMENTS_MAX).collect();
        let assignments: Vec<(PartitionId, DirectoryId)> = named
            .iter()
            .filter_map(|&partition| Some((partition, self.directory_of(partition)?)))
            .collect();
        if assignments.is_empty() {
            return;
        }
        self.replicas.directories.in_flight = named;
        let (broker, broker_epoch) = (self.node, self.life.broker_epoch);
        let request = AssignReplicasToDirsRequest { broker, broker_epoch, assignments };
        let request = Request::AssignReplicasToDirs(request);
        self.calls.send(cx, controller, Call::AssignReplicas, request);
    }

    /// The directory of a replica, online or not.
    fn directory_of(&self, partition: PartitionId) -> Option<DirectoryId> {
        let directories = &self.replicas.directories;
        let place = match directories.lost.get(&partition) {
            Some(&place) => place,
            None => self.replicas.place_of(partition)?,
        };
        Some(directories.id(place))
    }

    pub(super) fn replicas_assigned(
        &mut self,
        cx: &mut Context<'_>,
        result: Result<AssignReplicasToDirsResponse, Disconnected>,
    ) {
        let taken = result.is_ok_and(|answer| answer.error == ErrorCode::None);
        let directories = &mut self.replicas.directories;
        let named = core::mem::take(&mut directories.in_flight);
        if taken {
            directories.failures = 0;
            for partition in named {
                directories.unassigned.remove(&partition);
            }
        } else {
            directories.failures += 1;
        }
        if !directories.unassigned.is_empty() {
            directories.assign_at = cx.now.instant + directories.assignment_delay();
        }
    }
}
