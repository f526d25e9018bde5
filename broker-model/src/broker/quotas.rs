//! Client quotas: how much a client sent and was sent lately, and for how long it is throttled.
//! A produce is carried out and answered at once; a fetch over its quota is answered empty. In
//! both cases the connection is not read again before the throttle time is over, which is for
//! the network to do. Source: KIP-13, KIP-219.

use alloc::collections::{BTreeMap, VecDeque};

use super::Broker;
use crate::io::{Context, Token};
use crate::protocol::controller::CreateTopicResponse;
use crate::protocol::fetch::FetchResponse;
use crate::protocol::produce::ProduceRequest;
use crate::protocol::{ErrorCode, Header, Request, Response, fetch_bytes, produce_bytes};
use crate::records::ClientQuota;
use crate::types::{Duration, Instant, SECOND, TopicId};

/// `quota.window.num`.
const WINDOWS: u64 = 11;
/// `quota.window.size.seconds`.
const WINDOW: Duration = SECOND;

/// From this version on `CreateTopics` knows `THROTTLING_QUOTA_EXCEEDED`.
const STRICT_CREATE_TOPICS: i16 = 6;

/// What was counted in each window that is not over for long. Source: Kafka, `Rate`.
#[derive(Clone, Debug, Default)]
struct Rate {
    windows: VecDeque<(Instant, u64)>,
}

impl Rate {
    fn record(&mut self, now: Instant, amount: u64) {
        self.purge(now);
        match self.windows.back_mut() {
            Some((start, sum)) if now.since(*start) < WINDOW => *sum += amount,
            _ => self.windows.push_back((now, amount)),
        }
    }

    /// Takes back what was recorded last.
    fn take_back(&mut self, amount: u64) {
        if let Some((_, sum)) = self.windows.back_mut() {
            *sum = sum.saturating_sub(amount);
        }
    }

    fn purge(&mut self, now: Instant) {
        while self.windows.front().is_some_and(|w| now.since(w.0) >= WINDOWS * WINDOW) {
            self.windows.pop_front();
        }
    }

    /// How long nothing may come for the rate to fall to `bound` a second; 0 below it. All but
    /// one of the windows count as full from the beginning.
    fn throttle(&self, now: Instant, bound: u64) -> Duration {
        let Some(&(oldest, _)) = self.windows.front() else { return 0 };
        let elapsed = now.since(oldest);
        let missing = (WINDOWS - 1).saturating_sub(elapsed / WINDOW);
        let window = u128::from(elapsed + missing * WINDOW);
        let sum: u128 = self.windows.iter().map(|w| u128::from(w.1)).sum();
        let due = sum * u128::from(SECOND) / u128::from(bound.max(1));
        Duration::try_from(due.saturating_sub(window)).unwrap_or(Duration::MAX)
    }
}

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
        let burst = i128::from(rate) * i128::from(WINDOWS * WINDOW);
        self.tokens = (self.tokens + i128::from(now.since(self.at)) * i128::from(rate)).min(burst);
        self.at = now;
    }

    /// How long until there is a token again.
    fn throttle(&self, rate: u64) -> Duration {
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
        rate.record(cx.now.instant, produce_bytes(request, cx.batches));
        let throttle = rate.throttle(cx.now.instant, bound);
        if throttle > 0 {
            self.quotas.produces.insert(token, throttle);
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
        let whole = i128::from(rate) * i128::from(WINDOWS * WINDOW);
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
                throttle: bucket.throttle(rate),
                error: ErrorCode::ThrottlingQuotaExceeded,
                topic: TopicId::UNKNOWN,
            }));
        }
        bucket.tokens -= i128::from(wanted) * i128::from(SECOND);
        if !strict && bucket.tokens < 0 {
            self.quotas.mutations.insert(token, bucket.throttle(rate));
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
        rate.record(cx.now.instant, bytes);
        let throttle = rate.throttle(cx.now.instant, bound);
        if throttle == 0 {
            return None;
        }
        rate.take_back(bytes);
        Some(throttle)
    }

    /// No fetch of a consumer reads more than its quota of all windows.
    pub(super) fn fetch_quota_bytes(&self, client: u32) -> u32 {
        let bound = self.image.client_quota(client, ClientQuota::ConsumerByteRate);
        let bytes = bound.map(|bound| bound.saturating_mul(WINDOWS - 1));
        bytes.map_or(u32::MAX, |bytes| u32::try_from(bytes).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_above_the_quota_of_all_windows_is_throttled_until_it_fits() {
        let mut rate = Rate::default();
        rate.record(Instant(0), 399);
        assert_eq!(rate.throttle(Instant(0), 40), 0, "40 a second, for ten seconds");
        rate.record(Instant(0), 401);
        assert_eq!(rate.throttle(Instant(0), 40), 10 * SECOND);
        rate.take_back(401);
        assert_eq!(rate.throttle(Instant(0), 40), 0);
    }

    #[test]
    fn a_bucket_may_be_overspent_once() {
        let mut bucket = Bucket { tokens: 0, at: Instant(0) };
        bucket.refill(Instant(60 * SECOND), 1);
        assert_eq!(bucket.tokens, i128::from(11 * SECOND), "a burst of all windows");
        bucket.tokens -= i128::from(15 * SECOND);
        assert_eq!(bucket.throttle(1), 4 * SECOND);
        bucket.refill(Instant(64 * SECOND), 1);
        assert_eq!(bucket.throttle(1), 0);
    }

    #[test]
    fn what_is_older_than_all_windows_is_forgotten() {
        let mut rate = Rate::default();
        rate.record(Instant(0), 10_000);
        rate.record(Instant(11 * SECOND), 1);
        assert_eq!(rate.throttle(Instant(11 * SECOND), 1), 0);
    }
}
