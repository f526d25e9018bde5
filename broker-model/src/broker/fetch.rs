//! Fetch, of consumers and followers: only partitions with news are looked at.

use alloc::vec::Vec;

use super::Broker;
use super::reading::Reader;
use crate::fetch::{FetchParams, Session};
use crate::io::{Context, Token};
use crate::partition::FollowerFetch;
use crate::protocol::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchedPartition, ReplicaState,
};
use crate::protocol::{ErrorCode, Header, Response};
use crate::slab::Key;
use crate::types::Offset;

/// From this version on consumers may fetch from followers (KIP-392).
const FETCHES_FROM_FOLLOWERS: i16 = 11;

/// A fetch that was read but not answered yet.
struct Pass {
    response: FetchResponse,
    /// Errors found before reading come last in the answer.
    late: Vec<FetchedPartition>,
    /// The slots looked at.
    taken: Vec<u32>,
    /// For each of them: it would be dirty after an answer.
    unfinished: Vec<bool>,
    /// For each of them: it has something to say.
    telling: Vec<bool>,
    /// It must be answered now.
    ends_wait: bool,
    /// What a follower has, where reading went well.
    positions: Vec<FetchPartition>,
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
        let begun = match self.sessions.begin(request, now, slots) {
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
        let params = FetchParams {
            token,
            min_bytes: request.min_bytes,
            max_bytes: request.max_bytes.min(self.config.fetch_max_bytes),
            isolation: request.isolation,
            deadline: now + request.max_wait,
            leader_only: request.replica.is_some() || header.api_version < FETCHES_FROM_FOLLOWERS,
            full: begun.full,
        };
        let Some(pass) = self.read_pass(cx, begun.key, &params, false) else { return };
        self.take_positions(cx, request.replica, &pass.positions);
        let nothing_to_wait_for =
            self.sessions.get_mut(begun.key).is_none_or(|s| s.len() == pass.late.len());
        if pass.ends_wait || request.max_wait == 0 || nothing_to_wait_for {
            self.answer_fetch(cx, begun.key, &params, pass);
        } else {
            self.unread(begun.key, pass);
            self.sessions.park(begun.key, params);
        }
    }

    /// Looks at a waiting fetch again, because a partition of it has news.
    pub(super) fn retry_fetch(&mut self, cx: &mut Context<'_>, key: Key) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(parked) = session.parked.take() else { return };
        let follower = session.follower;
        let Some(pass) = self.read_pass(cx, key, &parked, true) else { return };
        if pass.ends_wait {
            self.take_positions(cx, follower, &pass.positions);
            self.answer_fetch(cx, key, &parked, pass);
        } else {
            self.unread(key, pass);
            if let Some(session) = self.sessions.get_mut(key) {
                session.parked = Some(parked);
            }
        }
    }

    /// Answers fetches whose `max_wait` is over with what there is.
    pub(super) fn fetch_tick(&mut self, cx: &mut Context<'_>) {
        for key in self.sessions.due(cx.now.instant) {
            let Some(session) = self.sessions.get_mut(key) else { continue };
            let Some(parked) = session.parked.take() else { continue };
            let follower = session.follower;
            let Some(pass) = self.read_pass(cx, key, &parked, true) else { continue };
            self.take_positions(cx, follower, &pass.positions);
            self.answer_fetch(cx, key, &parked, pass);
        }
    }

    /// Reads the partitions with news. `parked` when the fetch has waited already.
    fn read_pass(
        &mut self,
        cx: &Context<'_>,
        key: Key,
        params: &FetchParams,
        parked: bool,
    ) -> Option<Pass> {
        let session = self.sessions.get_mut(key)?;
        let reader = Reader {
            replicas: &self.replicas,
            image: &self.image,
            isolation: params.isolation,
            follower: session.follower.map(|f| f.id),
            leader_only: params.leader_only,
        };
        let taken = session.take_dirty();
        let mut pass = Pass::new(session.id, taken);
        let mut left = params.max_bytes;
        let mut minimum_one = true;
        for i in 0..pass.taken.len() {
            let slot = session.slot(pass.taken[i]);
            let entries = &mut pass.response.entries;
            let read = reader.read(cx, &slot.asked, left, minimum_one, entries);
            if read.bytes > 0 {
                minimum_one = false;
                left = left.saturating_sub(u32::try_from(read.bytes).unwrap_or(u32::MAX));
                pass.response.bytes += read.bytes;
            }
            let answer = read.answer;
            let failed = answer.error != ErrorCode::None || answer.diverging.is_some();
            let news = failed
                || read.bytes > 0
                || answer.high_watermark != slot.sent_high_watermark
                || answer.log_start_offset != slot.sent_log_start;
            pass.telling.push(news);
            pass.unfinished.push(failed || read.more || read.ends_wait);
            pass.ends_wait |= read.ends_wait || read.unknown && parked;
            if !failed && reader.follower.is_some() {
                pass.positions.push(slot.asked);
            }
            if !news && !params.full {
                continue;
            }
            if read.unknown {
                pass.late.push(answer);
            } else {
                pass.response.partitions.push(answer);
            }
        }
        pass.ends_wait |= pass.response.bytes >= u64::from(params.min_bytes);
        Some(pass)
    }

    /// The fetch goes on waiting: what has news keeps it.
    fn unread(&mut self, key: Key, pass: Pass) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.settle(pass.taken, |i| pass.telling[i] || pass.unfinished[i]);
        }
    }

    /// A follower's fetch says what it has.
    fn take_positions(
        &mut self,
        cx: &mut Context<'_>,
        follower: Option<ReplicaState>,
        positions: &[FetchPartition],
    ) {
        let Some(follower) = follower else { return };
        for asked in positions {
            let partition = asked.partition;
            let Some(replica) = self.replicas.get_mut(partition) else { continue };
            let taken = replica.record_follower_fetch(
                cx.now.instant,
                follower.id,
                follower.epoch,
                asked.fetch_offset,
                asked.log_start_offset,
            );
            let FollowerFetch::Recorded { moved } = taken else { continue };
            self.maybe_expand_isr(cx, partition, follower.id);
            if moved {
                self.advance_high_watermark(cx, partition);
            }
            self.low_watermark_moved(cx, partition);
        }
    }

    fn answer_fetch(
        &mut self,
        cx: &mut Context<'_>,
        key: Key,
        params: &FetchParams,
        mut pass: Pass,
    ) {
        pass.response.partitions.append(&mut pass.late);
        if let Some(session) = self.sessions.get_mut(key) {
            remember(session, &pass);
            session.settle(pass.taken, |i| pass.unfinished[i]);
            if session.id == 0 || session.len() == 0 {
                self.sessions.remove(key);
                pass.response.session_id = 0;
            }
        }
        cx.reply(params.token, Response::Fetch(pass.response));
    }
}

/// What the client now knows; partitions that gave data go to the back of the line.
fn remember(session: &mut Session, pass: &Pass) {
    if session.id == 0 {
        return;
    }
    for answer in &pass.response.partitions {
        let Some(index) = session.index_of(answer.partition) else { continue };
        let slot = session.slot_mut(index);
        // After a divergence the follower takes no high watermark, so it is told again.
        slot.sent_high_watermark = match answer.diverging {
            None => answer.high_watermark,
            Some(_) => Offset::NONE,
        };
        slot.sent_log_start = answer.log_start_offset;
        if !answer.entries.is_empty() {
            session.send_to_the_back(index);
        }
    }
}

impl Pass {
    fn new(session_id: u32, taken: Vec<u32>) -> Self {
        let count = taken.len();
        let response = FetchResponse {
            session_id,
            partitions: Vec::with_capacity(count),
            ..FetchResponse::default()
        };
        Self {
            response,
            late: Vec::new(),
            taken,
            unfinished: Vec::with_capacity(count),
            telling: Vec::with_capacity(count),
            ends_wait: false,
            positions: Vec::new(),
        }
    }
}
