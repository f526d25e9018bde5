//! Fetch, of consumers and followers: only partitions with news are looked at.

use alloc::vec::Vec;

use super::Broker;
use super::reading::{Look, Reader, is_unknown};
use crate::config::ReplicaSelector;
use crate::fetch::{FetchParams, Session, Standing};
use crate::io::{Context, Token};
use crate::note::Note;
use crate::partition::FollowerFetch;
use crate::protocol::fetch::{FetchRequest, FetchResponse, FetchedPartition, Isolation};
use crate::protocol::{ErrorCode, Header, Response};
use crate::slab::Key;
use crate::types::{Duration, Offset, PartitionId};

/// From this version on consumers may fetch from followers (KIP-392).
const FETCHES_FROM_FOLLOWERS: i16 = 11;

/// From this version on topics are named by id (KIP-516).
const TOPIC_IDS: i16 = 13;

/// From this version on the leader is named with errors (KIP-951).
const HINTS: i16 = 16;

/// A slot that a fetch looked at.
#[derive(Clone, Copy, Debug)]
struct Looked {
    slot: u32,
    look: Look,
    /// It has something to say beside data.
    changed: bool,
    /// It may have data.
    more: bool,
    /// The fetch must not wait because of it.
    ends_wait: bool,
    /// It has data that the leader's throttle holds back.
    withheld: bool,
}

/// What a fetch found in the partitions with news. Kept by the broker, so that its memory is
/// used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Pass {
    looked: Vec<Looked>,
    /// Errors found before reading come last in the answer.
    late: Vec<FetchedPartition>,
    /// Partitions that do not exist.
    unknown: usize,
    /// It must be answered now.
    ends_wait: bool,
    /// Partitions whose position was taken in, and whether it moved.
    taken: Vec<(PartitionId, bool)>,
}

impl Broker {
    pub(super) fn fetch(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        header: Header,
        request: &FetchRequest,
    ) {
        let now = cx.now.instant;
        let slots = self.config.max_incremental_fetch_session_cache_slots;
        let topic_ids = header.api_version >= TOPIC_IDS;
        let begun = match self.sessions.begin(request, topic_ids, now, slots) {
            Ok(begun) => begun,
            Err(error) => {
                let response = FetchResponse { error, ..FetchResponse::default() };
                cx.reply(token, Response::Fetch(response));
                return;
            }
        };
        if let Some(overtaken) = begun.overtaken {
            // Kafka answers it when it would have ended; nobody hears it either way.
            let error = ErrorCode::InvalidFetchSessionEpoch;
            let response = FetchResponse { error, ..FetchResponse::default() };
            cx.reply(overtaken.token, Response::Fetch(response));
        }
        let client = request.replica.is_none().then_some(header.client);
        let quota = client.map_or(u32::MAX, |client| self.fetch_quota_bytes(client));
        let params = FetchParams {
            token,
            client,
            min_bytes: request.min_bytes.min(quota),
            max_bytes: request.max_bytes.min(self.config.fetch_max_bytes).min(quota),
            isolation: request.isolation,
            deadline: now + request.max_wait,
            leader_only: request.replica.is_some() || header.api_version < FETCHES_FROM_FOLLOWERS,
            rack: request.rack.filter(|_| self.may_send_elsewhere(header, request)),
            hints: header.api_version >= HINTS,
            full: begun.full,
        };
        self.look_up(cx, begun.key);
        self.look(cx, begun.key, &params, false);
        let nothing_to_wait_for =
            self.sessions.get_mut(begun.key).is_none_or(|s| s.len() == self.pass.unknown);
        let must = self.pass.ends_wait || request.max_wait == 0 || nothing_to_wait_for;
        let response = self.gather(cx, begun.key, &params, must);
        self.take_positions(cx, begun.key);
        if !self.answer_or_wait(cx, begun.key, &params, response) {
            self.sessions.park(begun.key, params);
        }
    }

    /// Whether a consumer may be told to fetch from a replica nearer to it.
    fn may_send_elsewhere(&self, header: Header, request: &FetchRequest) -> bool {
        self.config.replica_selector == ReplicaSelector::RackAware
            && request.replica.is_none()
            && header.api_version >= FETCHES_FROM_FOLLOWERS
    }

    /// Looks at a waiting fetch again, because a partition of it has news.
    pub(super) fn retry_fetch(&mut self, cx: &mut Context<'_>, key: Key) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(parked) = session.parked.take() else { return };
        self.look(cx, key, &parked, true);
        let response = self.gather(cx, key, &parked, self.pass.ends_wait);
        if !self.answer_or_wait(cx, key, &parked, response)
            && let Some(session) = self.sessions.get_mut(key)
        {
            session.parked = Some(parked);
        }
    }

    /// Answers fetches whose `max_wait` is over with what there is.
    pub(super) fn fetch_tick(&mut self, cx: &mut Context<'_>) {
        for key in self.sessions.due(cx.now.instant) {
            let Some(session) = self.sessions.get_mut(key) else { continue };
            let Some(parked) = session.parked.take() else { continue };
            self.look(cx, key, &parked, true);
            let response = self.gather(cx, key, &parked, true);
            self.answer_or_wait(cx, key, &parked, response);
        }
    }

    /// Finds the partitions of a fetch that came: what is not there stays among those with
    /// news, so only these are looked at.
    fn look_up(&mut self, cx: &Context<'_>, key: Key) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let mut found = Vec::new();
        for place in 0..session.dirty().len() {
            let index = session.dirty()[place];
            let slot = session.slot_mut(index);
            let mut partition = slot.asked.partition;
            if self.image.partition(partition).is_none() && slot.address.is_address() {
                partition = self.image.addressed(cx.names.addressed(slot.address));
                found.push((index, partition));
            }
            slot.standing = match (self.image.partition(partition), slot.standing) {
                (Some(_), _) => Standing::Present,
                (None, Standing::Unseen) => Standing::Unseen,
                (None, Standing::Present | Standing::Gone) => Standing::Gone,
            };
        }
        for (index, partition) in found {
            self.sessions.found(key, index, partition);
        }
    }

    /// Looks at the partitions with news. `parked` when the fetch has waited already.
    fn look(&mut self, cx: &Context<'_>, key: Key, params: &FetchParams, parked: bool) {
        let pass = &mut self.pass;
        pass.clear();
        let Some(session) = self.sessions.get_mut(key) else { return };
        let withheld = match session.follower {
            Some(_) => self.replication_throttles.leader.withheld(cx.now.instant, cx.rules),
            None => None,
        };
        let reader =
            Reader::new(&self.replicas, &self.image, session, params).withholding(withheld);
        session.sort_dirty();
        for &index in session.dirty() {
            let slot = session.slot(index);
            let look = match reader.look(cx, &slot.asked) {
                Look::Failed(ErrorCode::UnknownTopicOrPartition) => {
                    Look::Failed(reader.unknown(cx, slot, session.topic_ids))
                }
                look => look,
            };
            let ends_wait = reader.ends_wait(&slot.asked, &look);
            let (changed, more, withheld) = match look {
                Look::Failed(error) => {
                    let unknown = is_unknown(error);
                    pass.unknown += usize::from(unknown);
                    pass.ends_wait |= unknown && parked && slot.standing == Standing::Present;
                    (true, true, false)
                }
                Look::Diverging(_) | Look::Elsewhere(_) => (true, true, false),
                Look::Readable { bound, high_watermark, log_start_offset, withheld } => {
                    let more = slot.asked.fetch_offset < bound && !withheld;
                    // Any data is enough for the usual `min_bytes` of 1.
                    pass.ends_wait |= more && params.min_bytes <= 1;
                    let changed = high_watermark != slot.sent_high_watermark
                        || log_start_offset != slot.sent_log_start;
                    (changed, more, withheld)
                }
            };
            pass.ends_wait |= ends_wait;
            pass.looked.push(Looked { slot: index, look, changed, more, ends_wait, withheld });
        }
        pass.ends_wait |= params.min_bytes == 0;
    }

    /// What a fetch is answered with now; nothing if it may wait and lacks the bytes it wants.
    fn gather(
        &mut self,
        cx: &Context<'_>,
        key: Key,
        params: &FetchParams,
        must: bool,
    ) -> Option<FetchResponse> {
        if !must && params.min_bytes <= 1 {
            return None;
        }
        let response = self.read(cx, key, params)?;
        (must || response.bytes >= u64::from(params.min_bytes)).then_some(response)
    }

    /// Answers a fetch, or lets it wait with its news. Whether it was answered.
    fn answer_or_wait(
        &mut self,
        cx: &mut Context<'_>,
        key: Key,
        params: &FetchParams,
        response: Option<FetchResponse>,
    ) -> bool {
        let Some(response) = response else {
            if let Some(session) = self.sessions.get_mut(key) {
                let looked = &self.pass.looked;
                session.settle(|i| looked[i].changed || looked[i].is_unfinished());
            }
            return false;
        };
        self.send_fetched(cx, key, params, response);
        true
    }

    /// Reads what was found, up to the limits.
    fn read(&mut self, cx: &Context<'_>, key: Key, params: &FetchParams) -> Option<FetchResponse> {
        let session = self.sessions.get_mut(key)?;
        let pass = &mut self.pass;
        pass.late.clear();
        let reader = Reader::new(&self.replicas, &self.image, session, params);
        let told = pass.looked.iter().filter(|l| l.changed || l.more || params.full);
        let mut response = FetchResponse {
            session_id: session.id,
            partitions: Vec::with_capacity(told.clone().count()),
            ..FetchResponse::default()
        };
        let mut left = params.max_bytes;
        let mut minimum_one = true;
        for looked in told {
            let slot = session.slot(looked.slot);
            let limits = (left, minimum_one);
            let (mut answer, bytes) =
                reader.read(cx, &slot.asked, &looked.look, limits, &mut response.entries);
            answer.partition = slot.address;
            if bytes == 0 && !looked.changed && !params.full {
                continue;
            }
            if bytes > 0 {
                minimum_one = false;
                left = left.saturating_sub(u32::try_from(bytes).unwrap_or(u32::MAX));
                response.bytes += bytes;
            }
            if is_unknown(answer.error) {
                pass.late.push(answer);
            } else {
                response.partitions.push(answer);
            }
        }
        pass.late.sort_by_key(|answer| answer.error != ErrorCode::UnknownTopicId);
        Some(response)
    }

    /// A follower's fetch says what it has, when it comes: having waited it says nothing new.
    fn take_positions(&mut self, cx: &mut Context<'_>, key: Key) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(follower) = session.follower else { return };
        let now = cx.now.instant;
        for looked in &self.pass.looked {
            if !matches!(looked.look, Look::Readable { .. }) {
                continue;
            }
            let asked = &session.slot(looked.slot).asked;
            let Some(replica) = self.replicas.get_mut(asked.partition) else { continue };
            let (offset, start) = (asked.fetch_offset, asked.log_start_offset);
            let taken =
                replica.record_follower_fetch(now, follower.id, follower.epoch, offset, start);
            let FollowerFetch::Recorded { moved } = taken else { continue };
            self.pass.taken.push((asked.partition, moved));
            if self.deletes.any() {
                self.told_starts.push(asked.partition);
            }
        }
        for i in 0..self.pass.taken.len() {
            let (partition, moved) = self.pass.taken[i];
            // First: whoever is about to join holds back the high watermark from now on.
            self.maybe_expand_isr(cx, partition, follower.id);
            if moved {
                self.advance_high_watermark(cx, partition);
            }
        }
        self.pass.taken.clear();
        while let Some(partition) = self.told_starts.pop() {
            self.low_watermark_moved(cx, partition);
        }
    }

    fn send_fetched(
        &mut self,
        cx: &mut Context<'_>,
        key: Key,
        params: &FetchParams,
        mut response: FetchResponse,
    ) {
        response.partitions.append(&mut self.pass.late);
        let throttle_time =
            params.client.and_then(|client| self.count_fetch(cx, client, &response));
        if let Some(throttle_time) = throttle_time {
            return self.send_throttled(cx, key, params, throttle_time);
        }
        if params.client.is_none() {
            self.count_given(cx, &response);
        }
        if params.client.is_some() && !response.entries.is_empty() {
            self.tell_reads(cx, params.isolation, &response);
        }
        if let Some(session) = self.sessions.get_mut(key) {
            remember(session, &response, params.full);
            let looked = &self.pass.looked;
            session.settle(|i| looked[i].is_unfinished());
            if session.id == 0 || session.len() == 0 {
                self.sessions.remove(key);
                response.session_id = 0;
            }
        }
        cx.reply(params.token, Response::Fetch(response));
    }
}

impl Broker {
    /// A consumer is given records.
    fn tell_reads(&self, cx: &mut Context<'_>, isolation: Isolation, response: &FetchResponse) {
        let committed = isolation == Isolation::ReadCommitted;
        for answer in &response.partitions {
            let entries = answer.entries.start as usize..answer.entries.end as usize;
            let Some(last) = response.entries[entries].last() else { continue };
            let end = last.base_offset + i64::from(cx.batches.get(last.batch).count);
            let (node, partition) = (self.node, answer.partition);
            cx.note(Note::Read { node, partition, end, committed });
        }
    }

    /// An answer over the client's quota is not sent. A session goes on as if it had not been
    /// asked, but for its epoch; one that this fetch would have opened is not.
    fn send_throttled(
        &mut self,
        cx: &mut Context<'_>,
        key: Key,
        params: &FetchParams,
        throttle_time: Duration,
    ) {
        let mut response = FetchResponse { throttle_time, ..FetchResponse::default() };
        if params.full {
            self.sessions.remove(key);
        } else if let Some(session) = self.sessions.get_mut(key) {
            response.session_id = session.id;
            let looked = &self.pass.looked;
            session.settle(|i| looked[i].changed || looked[i].is_unfinished());
        }
        cx.reply(params.token, Response::Fetch(response));
    }
}

/// What the client now knows; partitions that gave data go to the back of the line. A session
/// begins with the line of its first answer, which is not quite that of the request.
fn remember(session: &mut Session, response: &FetchResponse, full: bool) {
    if session.id == 0 {
        return;
    }
    for answer in &response.partitions {
        let Some(index) = session.index_of(answer.partition) else { continue };
        let slot = session.slot_mut(index);
        // After a divergence the follower takes no high watermark, so it is told again.
        slot.sent_high_watermark = match answer.diverging {
            None => answer.high_watermark,
            Some(_) => Offset::NONE,
        };
        slot.sent_log_start = answer.log_start_offset;
        if !answer.entries.is_empty() || full {
            session.send_to_the_back(index);
        }
    }
}

impl Looked {
    /// It would have news again right after an answer, or when its throttle lets it.
    const fn is_unfinished(&self) -> bool {
        self.more || self.ends_wait || self.withheld
    }
}

impl Pass {
    fn clear(&mut self) {
        self.looked.clear();
        self.late.clear();
        self.taken.clear();
        self.unknown = 0;
        self.ends_wait = false;
    }
}
