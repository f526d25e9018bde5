//! Client quotas: how much a client sent and was sent lately, and for how long it is throttled.
//! A produce is carried out and answered at once; a fetch over its quota is answered empty. In
//! both cases the connection is not read again before the throttle time is over, which is for
//! the network to do. Source: KIP-13, KIP-219.

use alloc::collections::BTreeMap;

use super::Broker;
use super::rate::{Rate, Windows};
use crate::io::{Context, Token};
use crate::protocol::controller::CreateTopicResponse;
use crate::protocol::fetch::FetchResponse;
use crate::protocol::produce::ProduceRequest;
use crate::protocol::{ErrorCode, Header, Request, Response, fetch_bytes, produce_bytes};
use crate::records::ClientQuota;
use crate::types::{Duration, Instant, SECOND, TopicId};

/// `quota.window.num` and `quota.window.size.seconds`, and the same of `controller.quota`.
const WINDOWS: Windows = Windows { count: 11, size: SECOND };

/// From this version on `CreateTopics` knows `THROTTLING_QUOTA_EXCEEDED`.
const STRICT_CREATE_TOPICS: i16 = 6;

/// Tokens that come at a steady rate; they may be spent below zero, and then one waits.
/// Source: KIP-599.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// In billionths.
    tokens: i128,
    at: Instant,
}

impl Bucket {
    fn refill(&mut self, now: Instant, rate: u64) {
        let burst = i128::from(rate) * i128::from(WINDOWS.span());
        self.tokens = (self.tokens + i128::from(now.since(self.at)) * i128::from(rate)).min(burst);
        self.at = now;
    }

    /// How long until there is a token again.
    fn throttle_time(&self, rate: u64) -> Duration {
        Duration::try_from(-self.tokens / i128::from(rate.max(1))).unwrap_or(0)
    }
}

/// The rates of clients that have a quota.
#[derive(Clone, Debug, Default)]
pub(super) struct Quotas {
    rates: BTreeMap<(ClientQuota, u32), Rate>,
    buckets: BTreeMap<u32, Bucket>,
    /// Throttle times of topic creations that the controller has not answered yet.
    pub(super) mutations: BTreeMap<Token, Duration>,
    /// Throttle times of produces that are not answered yet.
    pub(super) produces: BTreeMap<Token, Duration>,
}

impl Quotas {
    pub(super) fn clear(&mut self) {
        self.rates.clear();
        self.produces.clear();
        self.buckets.clear();
        self.mutations.clear();
    }
}

impl Broker {
    /// Counts a produce that came.
    pub(super) fn count_produce(
        &mut self,
        cx: &Context<'_>,
        token: Token,
        header: Header,
        request: &ProduceRequest,
    ) {
        let kind = ClientQuota::ProducerByteRate;
        let Some(bound) = self.image.client_quota(header.client, kind) else { return };
        let rate = self.quotas.rates.entry((kind, header.client)).or_default();
        rate.record(cx.now.instant, produce_bytes(request, cx.batches), WINDOWS);
        let throttle_time = rate.throttle_time(cx.now.instant, bound, WINDOWS);
        if throttle_time > 0 {
            self.quotas.produces.insert(token, throttle_time);
        }
    }

    /// Counts the partitions that a client wants created. In versions that know the error, a
    /// client that has overspent already is refused; older ones are only throttled.
    pub(super) fn count_mutations(
        &mut self,
        cx: &Context<'_>,
        token: Token,
        header: Header,
        request: &Request,
    ) -> Option<Response> {
        let Request::CreateTopics(topic) = request else { return None };
        let kind = ClientQuota::ControllerMutationRate;
        let rate = self.image.client_quota(header.client, kind)?;
        let now = cx.now.instant;
        let whole = i128::from(rate) * i128::from(WINDOWS.span());
        let bucket = self.quotas.buckets.entry(header.client);
        let bucket = bucket.or_insert(Bucket { tokens: whole, at: now });
        bucket.refill(now, rate);
        let strict = header.api_version >= STRICT_CREATE_TOPICS;
        let wanted = if topic.assignment.is_empty() {
            u64::from(topic.partitions)
        } else {
            topic.assignment.len() as u64
        };
        if strict && bucket.tokens < 0 {
            return Some(Response::CreateTopics(CreateTopicResponse {
                throttle_time: bucket.throttle_time(rate),
                error: ErrorCode::ThrottlingQuotaExceeded,
                topic: TopicId::UNKNOWN,
            }));
        }
        bucket.tokens -= i128::from(wanted) * i128::from(SECOND);
        if !strict && bucket.tokens < 0 {
            self.quotas.mutations.insert(token, bucket.throttle_time(rate));
        }
        None
    }

    /// Counts the answer to a consumer. Over the quota it is not sent: the throttle time.
    pub(super) fn count_fetch(
        &mut self,
        cx: &Context<'_>,
        client: u32,
        response: &FetchResponse,
    ) -> Option<Duration> {
        let kind = ClientQuota::ConsumerByteRate;
        let bound = self.image.client_quota(client, kind)?;
        let bytes = fetch_bytes(response);
        let rate = self.quotas.rates.entry((kind, client)).or_default();
        rate.record(cx.now.instant, bytes, WINDOWS);
        let throttle_time = rate.throttle_time(cx.now.instant, bound, WINDOWS);
        if throttle_time == 0 {
            return None;
        }
        rate.take_back(bytes);
        Some(throttle_time)
    }

    /// No fetch of a consumer reads more than its quota of all windows.
    pub(super) fn fetch_quota_bytes(&self, client: u32) -> u32 {
        let bound = self.image.client_quota(client, ClientQuota::ConsumerByteRate);
        let bytes = bound.map(|bound| bound.saturating_mul(u64::from(WINDOWS.count - 1)));
        bytes.map_or(u32::MAX, |bytes| u32::try_from(bytes).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_may_be_overspent_once() {
        let mut bucket = Bucket { tokens: 0, at: Instant(0) };
        bucket.refill(Instant(60 * SECOND), 1);
        assert_eq!(bucket.tokens, i128::from(11 * SECOND), "a burst of all windows");
        bucket.tokens -= i128::from(15 * SECOND);
        assert_eq!(bucket.throttle_time(1), 4 * SECOND);
        bucket.refill(Instant(64 * SECOND), 1);
        assert_eq!(bucket.throttle_time(1), 0);
    }
}
